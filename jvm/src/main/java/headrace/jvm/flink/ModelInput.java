package headrace.jvm.flink;

import headrace.jvm.JsonRows;
import headrace.jvm.Model;
import headrace.jvm.ModelException;
import headrace.jvm.Prediction;
import headrace.jvm.Violation;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeFamily;

/** How a model reads Flink's rows: the declared INPUT, compared with the model. */
interface ModelInput extends Serializable {
    /** The option {@code input}: INPUT names the model's inputs. */
    String COLUMNS = "columns";

    /** The option {@code input}: INPUT is one column, a JSON object. */
    String JSON = "json";

    /** Predicts one row; a bad row raises nothing. */
    Prediction predict(Model model, RowData row);

    /**
     * Compares the declared columns with the model.
     *
     * @throws ModelException if they do not fit
     */
    static ModelInput of(String form, Model model, ResolvedSchema declared) {
        switch (form) {
            case COLUMNS:
                return columns(model, declared);
            case JSON:
                return json(model, declared);
            default:
                throw new ModelException(
                        "the option 'input' of the model " + model.name() + " must be " + COLUMNS + " or " + JSON
                                + "; got " + form + " instead.");
        }
    }

    private static ModelInput columns(Model model, ResolvedSchema declared) {
        List<String> names = declared.getColumnNames();
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
            LogicalType type = declared.getColumns().get(place).getDataType().getLogicalType();
            if (!FlinkValues.isKnown(type)) {
                throw new ModelException(
                        "the input " + name + " must be a number, text, truth, date or timestamp; got " + type
                                + " instead: cast it.");
            }
            readers.add(FlinkValues.reader(type, place));
        }
        return new Columns(readers.toArray(FlinkValues.FieldReader[]::new));
    }

    private static ModelInput json(Model model, ResolvedSchema declared) {
        List<LogicalType> types =
                declared.getColumns().stream().map(column -> column.getDataType().getLogicalType()).toList();
        boolean isText = types.size() == 1 && types.get(0).is(LogicalTypeFamily.CHARACTER_STRING);
        if (!isText && !(types.size() == 1 && types.get(0).is(LogicalTypeFamily.BINARY_STRING))) {
            throw new ModelException(
                    "INPUT of the model " + model.name() + " must be one column, BYTES or STRING, where 'input' = 'json';"
                            + " got " + types + " instead.");
        }
        return new JsonObject(isText);
    }

    /** The model's inputs, in its order, as columns. */
    record Columns(FlinkValues.FieldReader[] readers) implements ModelInput {
        @Override
        public Prediction predict(Model model, RowData row) {
            Object[] values = new Object[readers.length];
            for (int place = 0; place < values.length; place++) {
                values[place] = readers[place].read(row);
            }
            return model.predict(values);
        }
    }

    /**
     * One column, which holds a JSON object in UTF-8.
     *
     * @param isText whether it is a STRING
     */
    record JsonObject(boolean isText) implements ModelInput {
        private static final Violation EMPTY = new Violation("empty", "", "a row must be a JSON object; it is NULL.");

        @Override
        public Prediction predict(Model model, RowData row) {
            if (row.isNullAt(0)) {
                return Prediction.refused(EMPTY);
            }
            // A STRING that the format raw reads may be no UTF-8: its bytes are checked, not decoded with question marks.
            return JsonRows.predict(model, isText ? row.getString(0).toBytes() : row.getBinary(0));
        }

        static Prediction predict(Model model, byte[] content) {
            return content == null ? Prediction.refused(EMPTY) : JsonRows.predict(model, content);
        }
    }
}
