package headrace.jvm;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Rows as JSON objects. */
public final class JsonRows {
    private JsonRows() {}

    /**
     * Predicts a row that is a JSON object, or an array of its values in the order of the inputs.
     *
     * @return a prediction, or a refusal: by the rule {@code value} if the text is no JSON, {@code shape} if it is
     *     neither
     */
    public static Prediction predict(Model model, String text) {
        Object row;
        try {
            row = Json.parse(text);
        } catch (IOException error) {
            return Prediction.refused(new Violation("value", "", "a row must be a JSON object; it is not JSON."));
        }
        if (row instanceof Map<?, ?>) {
            return model.predict(ScoringPlan.object(row));
        }
        if (row instanceof List<?> values) {
            return model.predict(values.toArray());
        }
        String sentence = "a row must be a JSON object or array; got another value instead.";
        return Prediction.refused(new Violation("shape", "", sentence));
    }

    /** Predicts a row that is a JSON object in UTF-8; other bytes are refused by the rule {@code value}. */
    public static Prediction predict(Model model, byte[] content) {
        try {
            return predict(model, StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString());
        } catch (CharacterCodingException error) {
            return Prediction.refused(new Violation("value", "", "a row must be a JSON object in UTF-8; it is not."));
        }
    }

    /** Returns a prediction as a server's answer, with the name of the model and the digest of its bundle. */
    public static Map<String, Object> answer(Model model, Prediction prediction) {
        Map<String, Object> answer = prediction.asJson(model.classes());
        answer.put("model_name", model.name());
        answer.put("model_digest", model.digest());
        return answer;
    }
}
