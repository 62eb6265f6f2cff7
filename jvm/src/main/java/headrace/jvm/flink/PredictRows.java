package headrace.jvm.flink;

import headrace.jvm.Model;
import java.util.Collection;
import java.util.List;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.PredictFunction;

/** What ML_PREDICT runs: one row in, one row out; a bad row gives a row whose {@code status} is {@code refused}. */
public final class PredictRows extends PredictFunction {
    private static final long serialVersionUID = 1L;

    private final String name;
    private final String path;
    private final RowMapping mapping;
    private transient Model model;

    PredictRows(String name, String path, RowMapping mapping) {
        this.name = name;
        this.path = path;
        this.mapping = mapping;
    }

    @Override
    public void open(FunctionContext context) {
        model = Model.open(name, path);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }

    @Override
    public Collection<RowData> predict(RowData row) {
        return List.of(mapping.row(model, model.predict(mapping.values(row))));
    }
}
