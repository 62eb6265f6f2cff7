package headrace.jvm.spark;

import headrace.jvm.Model;
import headrace.jvm.NamedModels;
import headrace.jvm.Prediction;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF2;

/**
 * Spark SQL's function: {@code headrace_predict('customers', struct(age, plan)).label}.
 *
 * <p>Register it from Python by {@code spark.udf.registerJavaFunction("headrace_predict",
 * "headrace.jvm.spark.HeadracePredict", SCHEMA)}, with the text of {@link #SCHEMA}. Spark 4.
 */
public final class HeadracePredict implements UDF2<String, Row, Row> {
    /** What the function returns, as Spark's DDL. */
    public static final String SCHEMA =
            "label STRING, probability DOUBLE, probabilities MAP<STRING, DOUBLE>, value DOUBLE, status STRING,"
                    + " violations STRING, reason STRING, model_digest STRING, alert BOOLEAN";

    private static final long serialVersionUID = 1L;

    /** The models of an executor, for all its tasks: ONNX Runtime's sessions cannot be serialized. */
    private static final NamedModels MODELS = new NamedModels();

    /**
     * Predicts one row.
     *
     * @param name name of the model; empty for the only one on the class path
     * @param row a struct whose fields are named as the model's inputs
     */
    @Override
    public Row call(String name, Row row) {
        Model model = MODELS.get(name);
        Map<String, Object> values = new LinkedHashMap<>();
        if (row != null) {
            String[] fields = row.schema().fieldNames();
            for (int place = 0; place < fields.length; place++) {
                values.put(fields[place], row.get(place));
            }
        }
        Prediction prediction = model.predict(values);
        return RowFactory.create(
                prediction.label(),
                model.task().equals("binary") ? prediction.probability(model.positive()) : null,
                prediction.byClass(model.classes()),
                prediction.value(),
                prediction.status(),
                prediction.violationText(),
                prediction.sentence(),
                model.digest(),
                prediction.alert());
    }
}
