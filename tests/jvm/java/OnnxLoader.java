import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.nio.file.Files;
import java.nio.file.Path;

/** Says which files ONNX Runtime loads, after its version. */
final class OnnxLoader {
    public static void main(String[] arguments) throws Exception {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        System.out.println(environment.getVersion());
        for (String path : arguments) {
            try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
                options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
                environment.createSession(Files.readAllBytes(Path.of(path)), options).close();
                System.out.println("loads");
            } catch (OrtException error) {
                System.out.println("fails");
            }
        }
    }
}
