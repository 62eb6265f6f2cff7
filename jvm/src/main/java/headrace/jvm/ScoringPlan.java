package headrace.jvm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What `headrace export` wrote of contract and model: all that is derived from them in Python is in it, so that nothing
 * is derived twice.
 *
 * @param name name of the model
 * @param digest SHA-256 that names its bundle
 * @param engine {@code onnx} or {@code mojo}
 * @param task {@code binary}, {@code multiclass}, {@code regression} or {@code anomaly}
 * @param classes class labels in the order of the probabilities; empty where the model answers a number
 * @param positive place of the positive class (binary)
 * @param threshold lowest probability at which the positive class is predicted (binary), or lowest anomaly score that
 *     is an alert (anomaly)
 * @param severities severity by rule: {@code off}, {@code warn}, {@code quarantine}, {@code stop}
 * @param missingValues texts that mean a missing value
 * @param names names of all columns of the contract; those that are no inputs are ignored in a row
 * @param inputs the columns that a row must hold, in order
 * @param features the row features, in order
 * @param matrix origin of each column of the matrix: the place of an input, or {@code ~place} of a row feature
 */
record ScoringPlan(
        String name,
        String digest,
        String engine,
        String task,
        List<String> classes,
        int positive,
        double threshold,
        Map<String, String> severities,
        Set<String> missingValues,
        Set<String> names,
        List<Input> inputs,
        List<Feature> features,
        int[] matrix) {

    /** The one format that this library reads. */
    static final int FORMAT = 2;

    /** What is said of a plan, or of cases, that lack a part. */
    static final String DAMAGED =
            "an exported model must be whole; its plan or its cases are damaged: export it again.";

    /**
     * One input.
     *
     * @param isChecked whether the contract's rules apply to it; false for a column of role ignore
     * @param isFeature whether the matrix holds it
     * @param minimum least number, or null
     * @param maximum largest number, or null
     * @param categories the categories as texts, or null
     * @param acceptsUnseen whether a text outside the categories is scored as unknown
     * @param isRequired whether a missing value breaks the rule {@code missing}
     * @param isPersonal whether sentences must not show its values
     * @param notation how numbers are written as texts, or null
     * @param hasForms whether the contract names forms of its times
     * @param forms the forms of times as texts, in the order in which they are tried
     * @param expectations what a value must be, by rule
     */
    record Input(
            String name,
            String dtype,
            boolean isChecked,
            boolean isFeature,
            Double minimum,
            Double maximum,
            List<String> categories,
            boolean acceptsUnseen,
            boolean isRequired,
            boolean isPersonal,
            NumberNotation notation,
            boolean hasForms,
            List<TimeForm> forms,
            Map<String, String> expectations) {}

    /**
     * One row feature.
     *
     * @param inputs places of the inputs that it is computed from
     * @param holidays days since 1970, for {@code holiday}
     */
    record Feature(String name, String kind, List<Integer> inputs, Set<Long> holidays) {}

    /**
     * Reads a plan.
     *
     * @throws ModelException if it is of another format, or not whole
     */
    static ScoringPlan read(Object document) {
        Map<String, Object> fields = object(document);
        if (!Long.valueOf(FORMAT).equals(fields.get("format"))) {
            throw new ModelException(
                    "the model must be of format " + FORMAT + ", which this library reads; got "
                            + fields.get("format") + " instead: export it again.");
        }
        try {
            return new ScoringPlan(
                    (String) fields.get("name"),
                    (String) fields.get("digest"),
                    (String) fields.get("engine"),
                    (String) fields.get("task"),
                    texts(fields.get("classes")),
                    ((Long) fields.get("positive")).intValue(),
                    number(fields.get("threshold")),
                    textMap(fields.get("severities")),
                    Set.copyOf(texts(fields.get("missing_values"))),
                    Set.copyOf(texts(fields.get("names"))),
                    inputs(fields),
                    features(fields.get("features")),
                    list(fields.get("matrix")).stream().mapToInt(place -> ((Long) place).intValue()).toArray());
        } catch (ClassCastException | NullPointerException error) {
            throw new ModelException(DAMAGED, error);
        }
    }

    private static List<Input> inputs(Map<String, Object> fields) {
        TimeForm.MonthNames months = new TimeForm.MonthNames(textMap(fields.get("months")));
        List<Input> inputs = new ArrayList<>();
        for (Object item : list(fields.get("inputs"))) {
            Map<String, Object> entry = object(item);
            Object notation = entry.get("notation");
            List<TimeForm> forms = new ArrayList<>();
            for (String form : texts(entry.get("forms"))) {
                forms.add(new TimeForm(form, months));
            }
            inputs.add(
                    new Input(
                            (String) entry.get("name"),
                            (String) entry.get("dtype"),
                            (Boolean) entry.get("is_checked"),
                            (Boolean) entry.get("is_feature"),
                            entry.get("minimum") == null ? null : number(entry.get("minimum")),
                            entry.get("maximum") == null ? null : number(entry.get("maximum")),
                            entry.get("categories") == null ? null : texts(entry.get("categories")),
                            (Boolean) entry.get("accepts_unseen"),
                            (Boolean) entry.get("is_required"),
                            (Boolean) entry.get("is_personal"),
                            notation == null ? null : notation(object(notation)),
                            (Boolean) entry.get("has_forms"),
                            forms,
                            textMap(entry.get("expectations"))));
        }
        return inputs;
    }

    private static NumberNotation notation(Map<String, Object> entry) {
        return new NumberNotation((String) entry.get("pattern"), ((String) entry.get("decimal")).charAt(0));
    }

    private static List<Feature> features(Object items) {
        List<Feature> features = new ArrayList<>();
        for (Object item : list(items)) {
            Map<String, Object> entry = object(item);
            List<Integer> inputs = list(entry.get("inputs")).stream().map(place -> ((Long) place).intValue()).toList();
            Set<Long> holidays = Set.copyOf(list(entry.get("holidays")).stream().map(Long.class::cast).toList());
            features.add(new Feature((String) entry.get("name"), (String) entry.get("kind"), inputs, holidays));
        }
        return features;
    }

    static double number(Object value) {
        return ((Number) value).doubleValue();
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value) {
        if (value instanceof Map<?, ?>) {
            return (Map<String, Object>) value;
        }
        throw new ModelException(DAMAGED);
    }

    static List<?> list(Object value) {
        return (List<?>) value;
    }

    private static List<String> texts(Object value) {
        return list(value).stream().map(String.class::cast).toList();
    }

    private static Map<String, String> textMap(Object value) {
        Map<String, String> texts = new HashMap<>();
        object(value).forEach((name, text) -> texts.put(name, (String) text));
        return texts;
    }
}
