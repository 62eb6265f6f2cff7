package headrace.jvm;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The requests and answers of a bundle that a model must reproduce, {@code cases.json}. */
final class Cases {
    private final List<Map<String, Object>> requests = new ArrayList<>();
    private final List<Map<String, Object>> answers = new ArrayList<>();
    private final double relative;
    private final double absolute;

    private Cases(Map<String, Object> document) {
        Map<String, Object> tolerance = ScoringPlan.object(document.get("tolerance"));
        relative = ScoringPlan.number(tolerance.get("relative"));
        absolute = ScoringPlan.number(tolerance.get("absolute"));
        for (Object item : ScoringPlan.list(document.get("cases"))) {
            Map<String, Object> one = ScoringPlan.object(item);
            requests.add(ScoringPlan.object(one.get("request")));
            answers.add(ScoringPlan.object(one.get("expected")));
        }
    }

    static Cases read(Object document) {
        try {
            return new Cases(ScoringPlan.object(document));
        } catch (ClassCastException | NullPointerException error) {
            throw new ModelException(ScoringPlan.DAMAGED, error);
        }
    }

    int count() {
        return requests.size();
    }

    /** Describes the first answer that is not the expected one; empty if there is none. */
    String difference(Model model) {
        for (int place = 0; place < requests.size(); place++) {
            Map<String, Object> answer = model.predict(requests.get(place)).asJson(model.classes());
            String difference = difference(answers.get(place), answer);
            if (!difference.isEmpty()) {
                return "case " + place + ": " + difference;
            }
        }
        return "";
    }

    private String difference(Map<String, Object> expected, Map<String, Object> answer) {
        for (Map.Entry<String, Object> entry : expected.entrySet()) {
            Object actual = answer.get(entry.getKey());
            String nested =
                    entry.getValue() instanceof Map<?, ?> && actual instanceof Map<?, ?>
                            ? difference(ScoringPlan.object(entry.getValue()), ScoringPlan.object(actual))
                            : "";
            if (!nested.isEmpty() || !equal(entry.getValue(), actual)) {
                return nested.isEmpty() ? entry.getKey() + " is " + actual + " instead of " + entry.getValue() : nested;
            }
        }
        return answer.size() == expected.size() ? "" : "more is answered than expected";
    }

    private boolean equal(Object expected, Object actual) {
        if (expected instanceof Map<?, ?>) {
            return actual instanceof Map<?, ?>;
        }
        if (expected instanceof Number number && actual instanceof Number other) {
            double value = number.doubleValue();
            return Math.abs(value - other.doubleValue()) <= Math.max(absolute, relative * Math.abs(value));
        }
        return expected.equals(actual);
    }
}
