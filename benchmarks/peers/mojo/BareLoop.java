import headrace.shaded.hex.genmodel.MojoModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A bare loop over h2o-genmodel: {@code score0} of each row of a {@code double[][]}, into arrays that exist. Nothing is
 * read, encoded, copied or written in the time that counts.
 *
 * <p>{@code BareLoop model.mojo rows.bin COLUMNS WARM RUNS}: the rows are 64-bit floats in the MOJO's own form. Prints
 * the seconds of each run, and the sum of the last scores of the rows.
 */
public final class BareLoop {
    public static void main(String[] arguments) throws Exception {
        MojoModel model = MojoModel.load(arguments[0]);
        int columns = Integer.parseInt(arguments[2]);
        int warm = Integer.parseInt(arguments[3]);
        ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(Path.of(arguments[1]))).order(ByteOrder.LITTLE_ENDIAN);
        double[][] rows = new double[content.remaining() / (columns * Double.BYTES)][columns];
        double[][] scores = new double[rows.length][model.getPredsSize(model.getModelCategory())];
        for (double[] row : rows) {
            for (int place = 0; place < columns; place++) {
                row[place] = content.getDouble();
            }
        }
        StringBuilder seconds = new StringBuilder();
        for (int run = 0; run < warm + Integer.parseInt(arguments[4]); run++) {
            long began = System.nanoTime();
            for (int place = 0; place < rows.length; place++) {
                model.score0(rows[place], scores[place]);
            }
            if (run >= warm) {
                seconds.append(seconds.length() == 0 ? "" : ",").append((System.nanoTime() - began) / 1e9);
            }
        }
        double sum = 0;
        for (double[] one : scores) {
            sum += one[one.length - 1];
        }
        System.out.println("{\"seconds\": [" + seconds + "], \"sum\": " + sum + "}");
    }
}
