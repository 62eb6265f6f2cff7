package headrace.jvm.flink;

import headrace.jvm.Model;
import headrace.jvm.ModelException;
import headrace.jvm.Prediction;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
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
 * Flink's rows to the model's inputs, and its predictions to Flink's rows.
 *
 * @param readers readers of the inputs, in the model's order
 * @param outputs names of the declared output columns
 */
record RowMapping(List<FlinkValues.FieldReader> readers, List<String> outputs) implements Serializable {
    private static final String OF_CLASS = "probability_";
    private static final Set<String> TEXTS = Set.of("label", "status", "violations", "reason", "model_digest");

    /**
     * Compares the declared columns with the model.
     *
     * @throws ModelException if they do not fit
     */
    static RowMapping of(Model model, ResolvedSchema input, ResolvedSchema output) {
        List<String> names = input.getColumnNames();
        Set<String> unknown = new HashSet<>(names);
        unknown.removeAll(model.inputs());
        Set<String> absent = new HashSet<>(model.inputs());
        absent.removeAll(names);
        if (!unknown.isEmpty() || !absent.isEmpty()) {
            throw new ModelException(
                    "INPUT must name the inputs of the model " + model.name() + ", " + model.inputs()
                            + (absent.isEmpty() ? "" : "; it lacks " + absent)
                            + (unknown.isEmpty() ? "" : "; " + unknown + " are none of them") + ".");
        }
        List<FlinkValues.FieldReader> readers = new ArrayList<>();
        for (String name : model.inputs()) {
            int place = names.indexOf(name);
            LogicalType type = input.getColumns().get(place).getDataType().getLogicalType();
            if (!FlinkValues.isKnown(type)) {
                throw new ModelException(
                        "the input " + name + " must be a number, text, truth, date or timestamp; got " + type
                                + " instead: cast it.");
            }
            readers.add(FlinkValues.reader(type, place));
        }
        output.getColumns().forEach(column -> check(model, column));
        return new RowMapping(readers, output.getColumnNames());
    }

    private static void check(Model model, Column column) {
        List<String> known = new ArrayList<>(List.of("status", "violations", "reason", "model_digest"));
        if (model.classes().isEmpty()) {
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
        boolean fits =
                TEXTS.contains(name) ? type.is(LogicalTypeFamily.CHARACTER_STRING) : type.is(LogicalTypeRoot.DOUBLE);
        if (!known.contains(name) || !fits) {
            throw new ModelException(
                    "OUTPUT of the model " + model.name() + " must be chosen from " + known
                            + ", numbers as DOUBLE and texts as STRING; got " + name + " " + type + " instead.");
        }
    }

    /** Reads a row's values in the order of the model's inputs. */
    Object[] values(RowData row) {
        return readers.stream().map(reader -> reader.read(row)).toArray();
    }

    /** Writes a prediction as the declared columns. */
    RowData row(Model model, Prediction prediction) {
        GenericRowData row = new GenericRowData(outputs.size());
        for (int place = 0; place < outputs.size(); place++) {
            Object value = value(model, prediction, outputs.get(place));
            row.setField(place, value instanceof String text ? StringData.fromString(text) : value);
        }
        return row;
    }

    private static Object value(Model model, Prediction prediction, String name) {
        switch (name) {
            case "label":
                return prediction.label();
            case "value":
                return prediction.value();
            case "probability":
                return prediction.probability(model.positive());
            case "status":
                return prediction.status();
            case "violations":
                return prediction.violationText();
            case "reason":
                return prediction.refusal() == null ? null : prediction.refusal().sentence();
            case "model_digest":
                return model.digest();
            default:
                return prediction.probability(model.classes().indexOf(name.substring(OF_CLASS.length())));
        }
    }
}
