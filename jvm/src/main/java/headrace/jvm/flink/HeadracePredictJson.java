package headrace.jvm.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.RowData;

/**
 * Flink SQL's scalar function for rows that are JSON objects, as the format {@code raw} reads them from a topic: {@code
 * headrace_predict_json('customers', content).label}. What is no JSON is refused, too, and so not lost.
 *
 * <p>Register it by {@code CREATE TEMPORARY SYSTEM FUNCTION headrace_predict_json AS
 * 'headrace.jvm.flink.HeadracePredictJson'}.
 */
public final class HeadracePredictJson extends ModelFunction {
    private static final long serialVersionUID = 1L;

    /**
     * Predicts one row.
     *
     * @param model name of the model; empty for the only one on the class path
     * @param row a JSON object in UTF-8
     */
    @DataTypeHint(value = PredictionRow.TYPE, bridgedTo = RowData.class)
    public RowData eval(String model, byte[] row) {
        Object[] kept = {row == null ? null : row.clone()};
        return predict(model, kept, opened -> ModelInput.JsonObject.predict(opened, row));
    }

    /** Predicts one row that is a text. */
    @DataTypeHint(value = PredictionRow.TYPE, bridgedTo = RowData.class)
    public RowData eval(String model, String row) {
        return eval(model, row == null ? null : row.getBytes(StandardCharsets.UTF_8));
    }
}
