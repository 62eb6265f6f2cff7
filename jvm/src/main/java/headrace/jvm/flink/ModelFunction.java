package headrace.jvm.flink;

import headrace.jvm.Model;
import headrace.jvm.NamedModels;
import headrace.jvm.Prediction;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * A scalar function that predicts rows with models by name.
 *
 * <p>Flink 2.3 calls a function once for each field that a query takes of its result, so the last answer is kept.
 */
public abstract class ModelFunction extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    private transient NamedModels models;
    private transient Map<String, PredictionRow> rows;
    private transient String lastName;
    private transient Object[] lastArguments;
    private transient RowData lastRow;

    @Override
    public void open(FunctionContext context) {
        models = new NamedModels();
        rows = new HashMap<>();
    }

    @Override
    public void close() {
        if (models != null) {
            models.close();
        }
    }

    /**
     * Predicts one row.
     *
     * @param name name of the model; empty or null for the only one on the class path
     * @param arguments what the prediction depends on; copied, since Flink may use the array again
     */
    final RowData predict(String name, Object[] arguments, Function<Model, Prediction> predict) {
        String asked = name == null ? "" : name;
        if (lastRow == null || !asked.equals(lastName) || !Arrays.deepEquals(arguments, lastArguments)) {
            PredictionRow row = rows.computeIfAbsent(asked, added -> new PredictionRow(models.get(added)));
            lastRow = row.of(predict.apply(row.model()));
            lastName = asked;
            lastArguments = arguments.clone();
        }
        return lastRow;
    }
}
