package headrace.jvm;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The jar as a command: {@code java -jar MODEL.jar --check}, or {@code --score} for lines of JSON. */
public final class Main {
    private static final String USAGE =
            "java -jar MODEL.jar must be given --check (answer the model's own cases) or --score (one JSON object a"
                    + " line on standard input, one answer a line on standard output)";

    private Main() {}

    /** Runs the command; the exit code is 0, or 2 with a sentence on standard error. */
    public static void main(String[] arguments) throws IOException {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        String command = arguments.length > 0 ? arguments[0] : "";
        try {
            switch (command) {
                case "--check":
                    check(arguments.length > 1 ? Model.open(Path.of(arguments[1])) : Model.named(""), out);
                    break;
                case "--score":
                    score(arguments.length > 1 ? Model.open(Path.of(arguments[1])) : Model.named(""), out);
                    break;
                default:
                    throw new ModelException(
                            USAGE + "; got " + (command.isEmpty() ? "nothing" : command) + " instead.");
            }
        } catch (ModelException error) {
            System.err.println("headrace: " + error.getMessage());
            System.exit(2);
        }
        out.flush();
    }

    private static void check(Model model, PrintStream out) {
        out.println(model.name() + " " + model.digest() + ": " + model.caseCount() + " of its own cases answered");
    }

    private static void score(Model model, PrintStream out) throws IOException {
        BufferedReader lines = lines();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            out.println(Json.write(JsonRows.predict(model, line).asJson(model.classes())));
            if (!lines.ready()) {
                out.flush();
            }
        }
    }

    private static BufferedReader lines() {
        return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    }
}
