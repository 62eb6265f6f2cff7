package headrace.jvm.flink;

import headrace.jvm.Model;
import headrace.jvm.Prediction;
import org.apache.flink.types.Row;

/** A prediction as the scalar functions return it. */
final class PredictionRow {
    /** Its type in Flink's SQL. */
    static final String TYPE =
            "ROW<label STRING, probability DOUBLE, probabilities MAP<STRING, DOUBLE>, `value` DOUBLE, status STRING,"
                    + " violations STRING, reason STRING, model_digest STRING>";

    private PredictionRow() {}

    static Row of(Model model, Prediction prediction) {
        return Row.of(
                prediction.label(),
                model.task().equals("binary") ? prediction.probability(model.positive()) : null,
                prediction.byClass(model.classes()),
                prediction.value(),
                prediction.status(),
                prediction.violationText(),
                prediction.sentence(),
                model.digest());
    }
}
