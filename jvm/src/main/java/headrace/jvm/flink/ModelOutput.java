package headrace.jvm.flink;

import headrace.jvm.Json;
import headrace.jvm.JsonRows;
import headrace.jvm.Model;
import headrace.jvm.ModelException;
import headrace.jvm.Prediction;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeFamily;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/**
 * Predictions as rows of Flink: the declared OUTPUT, compared with the model.
 *
 * @param columns names of the declared columns
 */
record ModelOutput(List<String> columns) implements Serializable {
    private static final String OF_CLASS = "probability_";
    private static final String ALERT = "alert";
    private static final List<String> ALWAYS = List.of("status", "violations", "reason", "model_digest", "answer");
    private static final Set<String> TEXTS = Set.of("label", "status", "violations", "reason", "model_digest", "answer");

    /**
     * Compares the declared columns with the model.
     *
     * @throws ModelException if they do not fit
     */
    static ModelOutput of(Model model, ResolvedSchema declared) {
        declared.getColumns().forEach(column -> check(model, column));
        return new ModelOutput(declared.getColumnNames());
    }

    private static void check(Model model, Column column) {
        List<String> known = new ArrayList<>(ALWAYS);
        if (model.isAnomalyTask()) {
            known.addAll(List.of("score", ALERT));
        } else if (model.classes().isEmpty()) {
            known.add("value");
        } else {
            known.add("label");
            model.classes().forEach(name -> known.add(OF_CLASS + name));
        }
        if (model.task().equals("binary")) {
            known.add("probability");
        }
        String name = column.getName();
        LogicalType type = column.getDataType().getLogicalType();
        if (!known.contains(name) || !fits(name, type)) {
            throw new ModelException(
                    "OUTPUT of the model " + model.name() + " must be chosen from " + known
                            + ", numbers as DOUBLE, texts as STRING and alert as BOOLEAN; got " + name + " " + type + " instead.");
        }
    }

    private static boolean fits(String name, LogicalType type) {
        if (TEXTS.contains(name)) {
            return type.is(LogicalTypeFamily.CHARACTER_STRING);
        }
        return type.is(name.equals(ALERT) ? LogicalTypeRoot.BOOLEAN : LogicalTypeRoot.DOUBLE);
    }

    /** Writes predictions of one opened model. */
    interface Writer {
        RowData write(Prediction prediction);
    }

    private interface Field {
        Object of(Prediction prediction);
    }

    /** Prepares what is the same for all rows of an opened model. */
    Writer writer(Model model) {
        Field[] fields = columns.stream().map(name -> field(model, name)).toArray(Field[]::new);
        return prediction -> {
            GenericRowData row = new GenericRowData(fields.length);
            for (int place = 0; place < fields.length; place++) {
                row.setField(place, fields[place].of(prediction));
            }
            return row;
        };
    }

    private static Field field(Model model, String name) {
        switch (name) {
            case "label":
                Map<String, StringData> labels = new HashMap<>();
                model.classes().forEach(label -> labels.put(label, StringData.fromString(label)));
                return prediction -> labels.get(prediction.label());
            case "value", "score":
                return Prediction::value;
            case ALERT:
                return Prediction::alert;
            case "probability":
                return probability(model.positive());
            case "status":
                StringData scored = StringData.fromString("scored");
                return prediction ->
                        prediction.refusal() == null ? scored : StringData.fromString(prediction.status());
            case "violations":
                return prediction -> StringData.fromString(prediction.violationText());
            case "reason":
                return prediction -> StringData.fromString(prediction.sentence());
            case "model_digest":
                StringData digest = StringData.fromString(model.digest());
                return prediction -> digest;
            case "answer":
                return prediction ->
                        prediction.refusal() != null
                                ? null
                                : StringData.fromString(Json.write(JsonRows.answer(model, prediction)));
            default:
                return probability(model.classes().indexOf(name.substring(OF_CLASS.length())));
        }
    }

    private static Field probability(int place) {
        return prediction -> prediction.probability(place);
    }
}
