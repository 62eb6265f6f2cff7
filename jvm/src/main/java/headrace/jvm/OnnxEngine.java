package headrace.jvm;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** ONNX Runtime on the CPU, with the settings of {@code headrace.core.inference.engine}; several threads may use it. */
final class OnnxEngine implements Engine {
    private static final String INPUT = "X";
    private static final String OUTPUT = "Y";

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final int columns;
    private final int scores;
    private final long[] shapeOfAnswer;
    private final ConcurrentLinkedDeque<SingleRow> idle = new ConcurrentLinkedDeque<>();

    /** A session that is closed while another thread uses it takes the whole process along. */
    private final ReadWriteLock use = new ReentrantReadWriteLock();

    private boolean isClosed;

    /**
     * Loads a model.
     *
     * @param content bytes of {@code model.onnx}
     * @param columns number of columns of the matrix
     * @param classes number of classes; 0 for a regression
     */
    OnnxEngine(byte[] content, int columns, int classes) {
        this.columns = columns;
        this.scores = Math.max(1, classes);
        this.shapeOfAnswer = classes == 0 ? new long[] {1} : new long[] {1, classes};
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

    /** Tensors of one row, kept: to make them each time costs as much as a small model does. */
    private final class SingleRow implements AutoCloseable {
        private final DoubleBuffer row = buffer(columns);
        private final DoubleBuffer answer = buffer(scores);
        private final OnnxTensor input;
        private final OnnxTensor output;
        private final Map<String, OnnxTensor> inputs;
        private final Map<String, OnnxTensor> outputs;

        SingleRow() throws OrtException {
            input = OnnxTensor.createTensor(environment, row, new long[] {1, columns});
            output = OnnxTensor.createTensor(environment, answer, shapeOfAnswer);
            inputs = Map.of(INPUT, input);
            outputs = Map.of(OUTPUT, output);
        }

        private static DoubleBuffer buffer(int numbers) {
            return ByteBuffer.allocateDirect(numbers * Double.BYTES).order(ByteOrder.nativeOrder()).asDoubleBuffer();
        }

        double[] score(double[] matrix) throws OrtException {
            row.put(0, matrix);
            session.run(inputs, Set.of(), outputs).close();
            double[] scored = new double[scores];
            answer.get(0, scored);
            return scored;
        }

        @Override
        public void close() {
            input.close();
            output.close();
        }
    }

    @Override
    public double[] score(double[] row) {
        begin();
        try {
            SingleRow kept = idle.pollFirst();
            SingleRow single = kept == null ? new SingleRow() : kept;
            try {
                return single.score(row);
            } finally {
                idle.addFirst(single);
            }
        } catch (OrtException error) {
            throw cannotRun(error);
        } finally {
            use.readLock().unlock();
        }
    }

    @Override
    public double[][] score(double[][] matrix) {
        DoubleBuffer buffer = DoubleBuffer.allocate(matrix.length * columns);
        for (double[] row : matrix) {
            buffer.put(row);
        }
        buffer.rewind();
        long[] shape = {matrix.length, columns};
        begin();
        try (OnnxTensor input = OnnxTensor.createTensor(environment, buffer, shape);
                OrtSession.Result result = session.run(Map.of(INPUT, input), Set.of(OUTPUT))) {
            DoubleBuffer answers = ((OnnxTensor) result.get(0)).getDoubleBuffer();
            double[][] rows = new double[matrix.length][scores];
            for (double[] row : rows) {
                answers.get(row);
            }
            return rows;
        } catch (OrtException error) {
            throw cannotRun(error);
        } finally {
            use.readLock().unlock();
        }
    }

    private void begin() {
        use.readLock().lock();
        if (isClosed) {
            use.readLock().unlock();
            throw new ModelException("a model must be open to score rows; it is closed.");
        }
    }

    private static ModelException cannotRun(OrtException error) {
        return new ModelException("model.onnx must be one that Headrace wrote; it cannot be run.", error);
    }

    /** Waits for rows that are being scored, and gives the memory back; a second call does nothing. */
    @Override
    public void close() {
        use.writeLock().lock();
        try {
            if (!isClosed) {
                isClosed = true;
                idle.forEach(SingleRow::close);
                idle.clear();
                session.close();
            }
        } catch (OrtException error) {
            throw new ModelException("a session of ONNX Runtime must close; it did not.", error);
        } finally {
            use.writeLock().unlock();
        }
    }
}
