package headrace.jvm.mojo;

import headrace.jvm.Json;
import headrace.jvm.ModelException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What a MOJO takes and gives, in terms of the matrix and of the contract's classes, {@code mojo.json}.
 *
 * @param h2oVersion version of H2O that wrote the MOJO
 * @param category H2O's name of what it predicts
 * @param inputs its columns, in its own order
 * @param classes the place in the MOJO's response domain of each class of the contract; -1 for one that it lacks. Empty
 *     unless it is a classification
 */
record MojoDescription(String h2oVersion, String category, List<Input> inputs, int[] classes) {
    private static final String DAMAGED =
            "mojo.json must be one that Headrace wrote; it is damaged: package the model again.";

    /**
     * One column of the MOJO.
     *
     * @param column its place in the matrix
     * @param levels the level of each category of the contract, NaN for one that the MOJO lacks; null for numbers
     */
    record Input(String name, int column, double[] levels) {}

    /**
     * Reads a description.
     *
     * @throws ModelException if it is not whole
     */
    static MojoDescription read(byte[] content) {
        try {
            Map<?, ?> document = (Map<?, ?>) Json.parse(content);
            return new MojoDescription(
                    text(document.get("h2o_version")),
                    text(document.get("category")),
                    ((List<?>) document.get("inputs")).stream().map(MojoDescription::input).toList(),
                    places(document.get("classes")));
        } catch (IOException | ClassCastException | NullPointerException | ArithmeticException error) {
            throw new ModelException(DAMAGED, error);
        }
    }

    private static Input input(Object item) {
        Map<?, ?> entry = (Map<?, ?>) item;
        Object levels = entry.get("levels");
        int column = Math.toIntExact((Long) entry.get("column"));
        if (column < 0) {
            throw new ModelException(DAMAGED);
        }
        double[] numbers =
                levels == null
                        ? null
                        : Arrays.stream(places(levels)).mapToDouble(place -> place < 0 ? Double.NaN : place).toArray();
        return new Input(text(entry.get("name")), column, numbers);
    }

    private static String text(Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw new ModelException(DAMAGED);
    }

    private static int[] places(Object items) {
        return ((List<?>) items)
                .stream().mapToInt(place -> place == null ? -1 : Math.toIntExact((Long) place)).toArray();
    }

    /** Returns the number of columns of the matrix that the MOJO needs at least. */
    int columns() {
        return 1 + inputs.stream().mapToInt(Input::column).max().orElse(-1);
    }
}
