package headrace.jvm;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Models for SQL functions whose arguments are a model's name and then names and values of columns: {@code
 * headrace_predict('customers', 'age', age, 'plan', plan)}. Values by position could be swapped unseen.
 *
 * <p>Several threads may use them.
 */
public final class NamedModels implements AutoCloseable {
    private final Map<String, Model> models = new ConcurrentHashMap<>();

    /** Returns the model of that name, which is opened at its first use; empty for the only one on the class path. */
    public Model get(String name) {
        return models.computeIfAbsent(name == null ? "" : name, Model::named);
    }

    /**
     * Predicts one row.
     *
     * @param model the model
     * @param pairs a name and a value for each column
     * @return a prediction, or a refusal; a bad row raises nothing
     */
    public static Prediction predict(Model model, Object... pairs) {
        Map<String, Object> row = new LinkedHashMap<>();
        for (int place = 0; place + 1 < pairs.length; place += 2) {
            if (!(pairs[place] instanceof CharSequence) || row.containsKey(pairs[place].toString())) {
                break;
            }
            row.put(pairs[place].toString(), pairs[place + 1]);
        }
        if (2 * row.size() != pairs.length) {
            String sentence = "a row must be given as different names, each with its value; it is not.";
            return Prediction.refused(new Violation("shape", "", sentence));
        }
        return model.predict(row);
    }

    @Override
    public void close() {
        models.values().forEach(Model::close);
        models.clear();
    }
}
