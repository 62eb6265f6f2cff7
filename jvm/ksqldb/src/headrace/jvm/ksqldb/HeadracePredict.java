package headrace.jvm.ksqldb;

import headrace.jvm.Json;
import headrace.jvm.JsonRows;
import headrace.jvm.Model;
import headrace.jvm.NamedModels;
import headrace.jvm.Prediction;
import io.confluent.ksql.function.udf.Udf;
import io.confluent.ksql.function.udf.UdfDescription;
import io.confluent.ksql.function.udf.UdfParameter;

/**
 * ksqlDB's function: {@code HEADRACE_PREDICT('customers', TO_JSON_STRING(STRUCT(`age` := AGE, `plan` := PLAN)))} gives
 * the answer as JSON, for {@code EXTRACTJSONFIELD(..., '$.label')}.
 *
 * <p>It has not run inside ksqlDB: it is compiled against ksqlDB's documented annotations.
 */
@UdfDescription(
        name = "headrace_predict",
        description = "Scores a row with a Headrace model.",
        author = "Headrace",
        version = "0.1.0")
public final class HeadracePredict {
    private final NamedModels models = new NamedModels();

    /**
     * Predicts one row.
     *
     * @param model name of the model; empty for the only one on the class path
     * @param row the row as a JSON object
     * @return the answer as JSON: label and probabilities, or value; error and rule if the row is refused
     */
    @Udf(description = "Scores a row with a Headrace model.")
    public String predict(
            @UdfParameter(value = "model", description = "Name of the model") String model,
            @UdfParameter(value = "row", description = "The row as a JSON object") String row) {
        Model opened = models.get(model);
        Prediction prediction = JsonRows.predict(opened, row == null ? "null" : row);
        return Json.write(JsonRows.answer(opened, prediction));
    }
}
