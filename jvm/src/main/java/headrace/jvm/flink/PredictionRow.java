package headrace.jvm.flink;

import headrace.jvm.Model;
import headrace.jvm.Prediction;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;

/** Predictions of one model as the scalar functions return them, in Flink's own data structures. */
final class PredictionRow {
    /** Their type in Flink's SQL. */
    static final String TYPE =
            "ROW<label STRING, probability DOUBLE, probabilities MAP<STRING, DOUBLE>, `value` DOUBLE, status STRING,"
                    + " violations STRING, reason STRING, model_digest STRING, alert BOOLEAN>";

    private final Model model;
    private final boolean isBinary;
    private final List<StringData> classes;
    private final Map<String, StringData> labels = new HashMap<>();
    private final StringData digest;

    PredictionRow(Model model) {
        this.model = model;
        isBinary = model.task().equals("binary");
        classes = model.classes().stream().map(StringData::fromString).toList();
        model.classes().forEach(label -> labels.put(label, StringData.fromString(label)));
        digest = StringData.fromString(model.digest());
    }

    Model model() {
        return model;
    }

    RowData of(Prediction prediction) {
        return GenericRowData.of(
                labels.get(prediction.label()),
                isBinary ? prediction.probability(model.positive()) : null,
                prediction.probabilities() == null ? null : byClass(prediction.probabilities()),
                prediction.value(),
                StringData.fromString(prediction.status()),
                StringData.fromString(prediction.violationText()),
                StringData.fromString(prediction.sentence()),
                digest,
                prediction.alert());
    }

    private GenericMapData byClass(double[] probabilities) {
        Map<StringData, Double> byClass = new HashMap<>();
        for (int place = 0; place < probabilities.length; place++) {
            byClass.put(classes.get(place), probabilities[place]);
        }
        return new GenericMapData(byClass);
    }
}
