package headrace.jvm;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The answer to one row: {@code label} with {@code probabilities}, or {@code value}, or a {@code refusal}.
 *
 * @param label the predicted class; null for a regression, and where the row is refused
 * @param probabilities probabilities (k) in the order of the model's classes; null as above
 * @param value the predicted value of a regression; null for a classification, and where the row is refused
 * @param warnings sentences about broken rules that only warn
 * @param refusal why there is no prediction; null if there is one
 */
public record Prediction(
        String label, double[] probabilities, Double value, List<String> warnings, Refusal refusal) {

    static Prediction refused(Refusal refusal) {
        return new Prediction(null, null, null, List.of(), refusal);
    }

    /** Returns the probability of the class at a place; null if there is none. */
    public Double probability(int place) {
        return probabilities == null ? null : (Double) probabilities[place];
    }

    /**
     * Returns the answer as a server gives it: {@code label} and {@code probabilities} by class, or {@code value};
     * {@code error} and {@code rule} for a refused row.
     *
     * @param classes the model's classes
     */
    public Map<String, Object> asJson(List<String> classes) {
        Map<String, Object> answer = new LinkedHashMap<>();
        if (refusal != null) {
            answer.put("error", refusal.sentence());
            answer.put("rule", refusal.rule());
        } else if (value != null) {
            answer.put("value", value);
        } else {
            Map<String, Object> byClass = new LinkedHashMap<>();
            for (int place = 0; place < probabilities.length; place++) {
                byClass.put(classes.get(place), probabilities[place]);
            }
            answer.put("label", label);
            answer.put("probabilities", byClass);
        }
        return answer;
    }

    @Override
    public String toString() {
        return refusal != null
                ? refusal.toString()
                : value != null ? "value " + value : label + " " + Arrays.toString(probabilities);
    }
}
