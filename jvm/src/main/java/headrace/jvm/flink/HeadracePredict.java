package headrace.jvm.flink;

import headrace.jvm.NamedModels;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.InputGroup;
import org.apache.flink.table.data.RowData;

/**
 * Flink SQL's scalar function: {@code headrace_predict('customers', 'age', age, 'plan', plan).label}.
 *
 * <p>Register it by {@code CREATE TEMPORARY SYSTEM FUNCTION headrace_predict AS
 * 'headrace.jvm.flink.HeadracePredict'}.
 */
public final class HeadracePredict extends ModelFunction {
    private static final long serialVersionUID = 1L;

    /**
     * Predicts one row.
     *
     * @param model name of the model; empty for the only one on the class path
     * @param pairs a name and a value for each column
     */
    @DataTypeHint(value = PredictionRow.TYPE, bridgedTo = RowData.class)
    public RowData eval(String model, @DataTypeHint(inputGroup = InputGroup.ANY) Object... pairs) {
        return predict(model, pairs, opened -> NamedModels.predict(opened, pairs));
    }
}
