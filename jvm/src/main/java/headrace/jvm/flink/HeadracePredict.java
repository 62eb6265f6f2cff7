package headrace.jvm.flink;

import headrace.jvm.Model;
import headrace.jvm.NamedModels;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.InputGroup;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.types.Row;

/**
 * Flink SQL's scalar function: {@code headrace_predict('customers', 'age', age, 'plan', plan).label}.
 *
 * <p>Register it by {@code CREATE TEMPORARY SYSTEM FUNCTION headrace_predict AS
 * 'headrace.jvm.flink.HeadracePredict'}.
 */
public final class HeadracePredict extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    private transient NamedModels models;

    @Override
    public void open(FunctionContext context) {
        models = new NamedModels();
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
     * @param model name of the model; empty for the only one on the class path
     * @param pairs a name and a value for each column
     */
    @DataTypeHint(PredictionRow.TYPE)
    public Row eval(String model, @DataTypeHint(inputGroup = InputGroup.ANY) Object... pairs) {
        Model opened = models.get(model);
        return PredictionRow.of(opened, NamedModels.predict(opened, pairs));
    }
}
