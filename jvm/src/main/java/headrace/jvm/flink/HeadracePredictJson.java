package headrace.jvm.flink;

import headrace.jvm.Model;
import headrace.jvm.NamedModels;
import java.nio.charset.StandardCharsets;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.types.Row;

/**
 * Flink SQL's scalar function for rows that are JSON objects, as the format {@code raw} reads them from a topic: {@code
 * headrace_predict_json('customers', content).label}. What is no JSON is refused, too, and so not lost.
 *
 * <p>Register it by {@code CREATE TEMPORARY SYSTEM FUNCTION headrace_predict_json AS
 * 'headrace.jvm.flink.HeadracePredictJson'}.
 */
public final class HeadracePredictJson extends ScalarFunction {
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
     * @param row a JSON object in UTF-8
     */
    @DataTypeHint(PredictionRow.TYPE)
    public Row eval(String model, byte[] row) {
        Model opened = models.get(model);
        return PredictionRow.of(opened, ModelInput.JsonObject.predict(opened, row));
    }

    /** Predicts one row that is a text. */
    @DataTypeHint(PredictionRow.TYPE)
    public Row eval(String model, String row) {
        return eval(model, row == null ? null : row.getBytes(StandardCharsets.UTF_8));
    }
}
