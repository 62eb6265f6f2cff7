package headrace.jvm;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Answers the tests that compare the library with Python: one process for all of them.
 *
 * <p>A line of standard input is a request. {@code {"open": name, "path": path}} opens a model, {@code {"name": name,
 * "plan": plan}} an encoder alone; {@code {"use": name, "row": row}} encodes a row, and predicts it with a model.
 */
final class ComparisonServer {
    private final Map<String, Model> models = new HashMap<>();
    private final Map<String, RowEncoder> encoders = new HashMap<>();

    public static void main(String[] arguments) throws IOException {
        ComparisonServer server = new ComparisonServer();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, Object> answer = new LinkedHashMap<>();
            try {
                server.answer(ScoringPlan.object(Json.parse(line)), answer);
            } catch (ModelException error) {
                answer.put("failure", error.getMessage());
            }
            out.println(Json.write(answer));
            out.flush();
        }
    }

    private void answer(Map<String, Object> request, Map<String, Object> answer) {
        if (request.containsKey("open")) {
            Model model = Model.open(Path.of((String) request.get("path")));
            models.put((String) request.get("open"), model);
            encoders.put((String) request.get("open"), model.encoder());
        } else if (request.containsKey("plan")) {
            encoders.put((String) request.get("name"), new RowEncoder(ScoringPlan.read(request.get("plan"))));
        } else {
            encode((String) request.get("use"), ScoringPlan.object(request.get("row")), answer);
        }
    }

    private void encode(String name, Map<String, Object> row, Map<String, Object> answer) {
        RowEncoder.Encoded encoded = encoders.get(name).encode(row);
        if (encoded.refusal() != null) {
            answer.put("rule", encoded.refusal().rule());
            answer.put("column", encoded.refusal().column());
            answer.put("sentence", encoded.refusal().sentence());
            return;
        }
        List<Object> bits = new ArrayList<>();
        for (double number : encoded.matrix()) {
            bits.add(Double.isNaN(number) ? null : Double.doubleToRawLongBits(number));
        }
        answer.put("bits", bits);
        answer.put("warnings", encoded.violations().stream().map(Violation::sentence).toList());
        if (models.containsKey(name)) {
            answer.put("answer", models.get(name).predict(row).asJson(models.get(name).classes()));
        }
    }
}
