package headrace.jvm;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The answer to one row: {@code label} with {@code probabilities}, or {@code value}, or a {@code refusal}.
 *
 * @param label the predicted class; null where a number is answered, and where the row is refused
 * @param probabilities probabilities (k) in the order of the model's classes; null as above
 * @param value the predicted value of a regression, or an anomaly score, higher for more unusual rows; null for a
 *     classification, and where the row is refused
 * @param alert whether an anomaly score reaches the threshold; null for other tasks, and where the row is refused
 * @param violations the rules that the row breaks, those that only warn included
 * @param refusal why there is no prediction; null if there is one
 */
public record Prediction(
        String label,
        double[] probabilities,
        Double value,
        Boolean alert,
        List<Violation> violations,
        Violation refusal) {

    /** Returns what stands for a row without a prediction. */
    public static Prediction refused(Violation refusal) {
        return refused(List.of(refusal), refusal);
    }

    static Prediction refused(List<Violation> violations, Violation refusal) {
        return new Prediction(null, null, null, null, violations, refusal);
    }

    /** {@code scored} or {@code refused}, as in the predictions of `headrace score`. */
    public String status() {
        return refusal == null ? "scored" : "refused";
    }

    /** Returns the broken rules as {@code rule:column}, as in the predictions of `headrace score`; null without any. */
    public String violationText() {
        return violations.isEmpty()
                ? null
                : violations.stream().map(one -> one.rule() + ":" + one.column()).collect(Collectors.joining("; "));
    }

    /** Returns why there is no prediction, as a sentence; null if there is one. */
    public String sentence() {
        return refusal == null ? null : refusal.sentence();
    }

    /** Returns the probability of the class at a place; null if there is none. */
    public Double probability(int place) {
        return probabilities == null ? null : (Double) probabilities[place];
    }

    /** Returns the probabilities by class; null if there are none. */
    public Map<String, Double> byClass(List<String> classes) {
        if (probabilities == null) {
            return null;
        }
        Map<String, Double> byClass = new LinkedHashMap<>();
        for (int place = 0; place < probabilities.length; place++) {
            byClass.put(classes.get(place), probabilities[place]);
        }
        return byClass;
    }

    /**
     * Returns the answer as a server gives it: {@code label} and {@code probabilities} by class, {@code value}, or
     * {@code score} and {@code alert}; {@code error} and {@code rule} for a refused row.
     *
     * @param classes the model's classes
     */
    public Map<String, Object> asJson(List<String> classes) {
        Map<String, Object> answer = new LinkedHashMap<>();
        if (refusal != null) {
            answer.put("error", refusal.sentence());
            answer.put("rule", refusal.rule());
        } else if (alert != null) {
            answer.put("score", value);
            answer.put("alert", alert);
        } else if (value != null) {
            answer.put("value", value);
        } else {
            answer.put("label", label);
            answer.put("probabilities", byClass(classes));
        }
        return answer;
    }

    @Override
    public String toString() {
        return refusal != null
                ? refusal.toString()
                : alert != null
                        ? "score " + value + (alert ? ", an alert" : "")
                        : value != null ? "value " + value : label + " " + Arrays.toString(probabilities);
    }
}
