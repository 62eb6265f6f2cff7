package headrace.jvm;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Encodes rows as the model's matrix, exactly as {@code headrace.core.inference.request_encoder} does. */
public final class RowEncoder {
    /** The matrix holds no larger numbers. */
    private static final double LARGEST = 1e30;

    private static final int MOST_SHOWN = 80;

    private final ScoringPlan plan;
    private final List<InputReader> readers = new ArrayList<>();

    RowEncoder(ScoringPlan plan) {
        this.plan = plan;
        plan.inputs().forEach(input -> readers.add(new InputReader(input, plan)));
    }

    /**
     * One row for the model, or why there is none.
     *
     * @param matrix the row of the matrix (p); null if the row is refused
     * @param violations the rules that it breaks, those that only warn included
     * @param refusal the first of them that refuses the row; null if none does
     */
    public record Encoded(double[] matrix, List<Violation> violations, Violation refusal) {
        private static Encoded refused(Violation refusal) {
            return new Encoded(null, List.of(refusal), refusal);
        }
    }

    /** What is known of a row before it is decided about. */
    private static final class Findings {
        private final List<Violation> violations = new ArrayList<>();
        private Violation refusal;

        void add(String severity, Violation violation) {
            if (!severity.equals("off")) {
                violations.add(violation);
                refusal = refusal == null && !severity.equals("warn") ? violation : refusal;
            }
        }
    }

    /**
     * Encodes values in the order of the inputs.
     *
     * @param values one value for each input, of the kinds of {@link Values}; null if missing
     */
    public Encoded encode(Object[] values) {
        if (values.length != readers.size()) {
            String sentence = "a row must hold " + readers.size() + " values; got " + values.length + " instead.";
            return Encoded.refused(new Violation("shape", "", sentence));
        }
        Object[] read = new Object[values.length];
        for (int place = 0; place < values.length; place++) {
            read[place] = Values.read(values[place]);
            if (read[place] == Values.OTHER) {
                return otherKind(readers.get(place).input.name(), values[place]);
            }
        }
        return encode(read, new boolean[values.length], new Findings());
    }

    /**
     * Encodes a row by column name.
     *
     * @param row values by name; columns of the contract that are no inputs are ignored
     */
    public Encoded encode(Map<String, ?> row) {
        if (row.isEmpty()) {
            String sentence = "a row must hold the contract's columns; got an empty object instead.";
            return Encoded.refused(new Violation("columns", "", sentence));
        }
        for (Map.Entry<String, ?> entry : row.entrySet()) {
            if (Values.read(entry.getValue()) == Values.OTHER) {
                return otherKind(entry.getKey(), entry.getValue());
            }
        }
        Findings findings = new Findings();
        Object[] read = new Object[readers.size()];
        boolean[] absent = new boolean[readers.size()];
        for (int place = 0; place < read.length; place++) {
            String name = readers.get(place).input.name();
            absent[place] = !row.containsKey(name);
            if (absent[place]) {
                String sentence = "column '" + name + "' must be present; got no such column instead.";
                findings.add(plan.severities().get("columns"), new Violation("columns", name, sentence));
            }
            read[place] = Values.read(row.get(name));
        }
        checkNames(row, findings);
        return encode(read, absent, findings);
    }

    /** An unknown column is harmless in a table, but probably a misspelling in a row to score. */
    private void checkNames(Map<String, ?> row, Findings findings) {
        String severity = plan.severities().get("unknown_columns");
        for (String name : row.keySet()) {
            if (!plan.names().contains(name)) {
                String sentence =
                        "column '" + shorten(name) + "' must be one of the contract's columns; it is unknown.";
                findings.add(severity.equals("off") ? "off" : "stop", new Violation("unknown_columns", name, sentence));
            }
        }
    }

    private Encoded encode(Object[] read, boolean[] absent, Findings findings) {
        Object[] typed = new Object[read.length];
        for (int place = 0; place < read.length; place++) {
            if (!absent[place]) {
                typed[place] = check(readers.get(place), read[place], findings);
            }
        }
        if (findings.refusal != null) {
            return new Encoded(null, findings.violations, findings.refusal);
        }
        double[] matrix = matrix(typed);
        for (int place = 0; place < matrix.length; place++) {
            if (Double.isInfinite(matrix[place])) {
                String name = plan.inputs().get(plan.matrix()[place]).name();
                String sentence = "column '" + name + "' must be a finite number; got an infinity instead.";
                return Encoded.refused(new Violation("finite", name, sentence));
            }
            matrix[place] = matrix[place] > LARGEST ? LARGEST : matrix[place] < -LARGEST ? -LARGEST : matrix[place];
        }
        return new Encoded(matrix, findings.violations, null);
    }

    private Object check(InputReader reader, Object raw, Findings findings) {
        InputReader.Typed typed = reader.read(raw);
        for (String rule : typed.broken()) {
            String name = reader.input.name();
            String got = reader.input.isPersonal() ? "" : "; got " + show(raw) + " instead";
            String must = rule.equals("missing") ? "present" : reader.input.expectations().get(rule);
            Violation finding = new Violation(rule, name, "column '" + name + "' must be " + must + got + ".");
            findings.add(plan.severities().get(rule), finding);
        }
        return typed.value();
    }

    private double[] matrix(Object[] typed) {
        double[] features = new double[plan.features().size()];
        for (int place = 0; place < features.length; place++) {
            ScoringPlan.Feature feature = plan.features().get(place);
            Object[] values = feature.inputs().stream().map(input -> typed[input]).toArray();
            features[place] = RowFeatures.compute(feature.kind(), values, feature.holidays());
        }
        double[] matrix = new double[plan.matrix().length];
        for (int place = 0; place < matrix.length; place++) {
            int origin = plan.matrix()[place];
            matrix[place] = origin >= 0 ? readers.get(origin).number(typed[origin]) : features[~origin];
        }
        return matrix;
    }

    private static Encoded otherKind(String name, Object value) {
        String sentence =
                "column '" + shorten(name) + "' must be a text, a number, true, false, a time or null; got "
                        + Values.describe(value) + " instead.";
        return Encoded.refused(new Violation("kind", name, sentence));
    }

    private static String show(Object raw) {
        return raw == null ? "missing" : raw instanceof String text ? "'" + shorten(text) + "'" : raw.toString();
    }

    private static String shorten(String text) {
        return text.length() > MOST_SHOWN ? text.substring(0, MOST_SHOWN) + "..." : text;
    }
}
