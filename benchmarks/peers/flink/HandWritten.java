import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * What one writes by hand: a function of twelve numbers with an ONNX session, without checks. {@code -Dmodel} names the
 * file, {@code -Dkept=true} keeps the tensors of a row.
 */
public final class HandWritten extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    private transient OrtEnvironment environment;
    private transient OrtSession session;
    private transient DoubleBuffer row;
    private transient DoubleBuffer answer;
    private transient OnnxTensor input;
    private transient OnnxTensor output;
    private transient boolean isKept;

    @Override
    public void open(FunctionContext context) throws Exception {
        environment = OrtEnvironment.getEnvironment();
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1);
        options.setInterOpNumThreads(1);
        session = environment.createSession(Files.readAllBytes(Path.of(System.getProperty("model"))), options);
        isKept = Boolean.getBoolean("kept");
        row = ByteBuffer.allocateDirect(12 * 8).order(ByteOrder.nativeOrder()).asDoubleBuffer();
        answer = ByteBuffer.allocateDirect(2 * 8).order(ByteOrder.nativeOrder()).asDoubleBuffer();
        input = OnnxTensor.createTensor(environment, row, new long[] {1, 12});
        output = OnnxTensor.createTensor(environment, answer, new long[] {1, 2});
    }

    @Override
    public void close() throws Exception {
        input.close();
        output.close();
        session.close();
    }

    public double eval(
            double x0, double x1, double x2, double x3, double x4, double x5, double x6, double x7, double x8,
            double x9, double x10, double x11)
            throws Exception {
        double[] values = {x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11};
        if (isKept) {
            row.put(0, values);
            session.run(Map.of("X", input), Set.of(), Map.of("Y", output)).close();
            return answer.get(1);
        }
        try (OnnxTensor tensor = OnnxTensor.createTensor(environment, new double[][] {values});
                OrtSession.Result result = session.run(Map.of("X", tensor))) {
            return ((double[][]) result.get(0).getValue())[0][1];
        }
    }
}
