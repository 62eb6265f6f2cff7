package headrace.jvm;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Rows as JSON objects. */
public final class JsonRows {
    private JsonRows() {}

    /**
     * Predicts a row that is a JSON object.
     *
     * @return a prediction, or a refusal: by the rule {@code value} if the text is no JSON, {@code shape} if it is no
     *     object
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
        String sentence = "a row must be a JSON object; got another value instead.";
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
}
