package headrace.jvm;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.nio.DoubleBuffer;
import java.util.Map;
import java.util.Set;

/** ONNX Runtime on the CPU, with the settings of {@code headrace.core.inference.engine}; several threads may use it. */
final class Engine implements AutoCloseable {
    private static final Set<String> OUTPUTS = Set.of("Y");

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final int columns;
    private final int classes;

    /**
     * Loads a model.
     *
     * @param content bytes of {@code model.onnx}
     * @param columns number of columns of the matrix
     * @param classes number of classes; 0 for a regression
     */
    Engine(byte[] content, int columns, int classes) {
        this.columns = columns;
        this.classes = classes;
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            // A spinning thread pool burns a core between rows.
            options.addConfigEntry("session.intra_op.allow_spinning", "0");
            session = environment.createSession(content, options);
        } catch (OrtException error) {
            throw new ModelException(
                    "model.onnx must be one that ONNX Runtime " + environment.getVersion()
                            + " knows; it cannot be loaded: " + error.getCode() + ".",
                    error);
        }
    }

    /**
     * Computes the scores of a matrix.
     *
     * @param matrix rows of the matrix (n, p), n at least 1
     * @return class probabilities (n, k), or values (n, 1)
     */
    double[][] score(double[][] matrix) {
        DoubleBuffer buffer = DoubleBuffer.allocate(matrix.length * columns);
        for (double[] row : matrix) {
            buffer.put(row);
        }
        buffer.rewind();
        long[] shape = {matrix.length, columns};
        try (OnnxTensor input = OnnxTensor.createTensor(environment, buffer, shape);
                OrtSession.Result result = session.run(Map.of("X", input), OUTPUTS)) {
            DoubleBuffer scores = ((OnnxTensor) result.get(0)).getDoubleBuffer();
            double[][] rows = new double[matrix.length][Math.max(1, classes)];
            for (double[] row : rows) {
                scores.get(row);
            }
            return rows;
        } catch (OrtException error) {
            throw new ModelException("model.onnx must be one that Headrace wrote; it cannot be run.", error);
        }
    }

    @Override
    public void close() {
        try {
            session.close();
        } catch (OrtException error) {
            throw new ModelException("a session of ONNX Runtime must close; it did not.", error);
        }
    }
}
