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
    private final ModelInput input;
    private final ModelOutput output;
    private transient Model model;
    private transient ModelOutput.Writer writer;

    PredictRows(String name, String path, ModelInput input, ModelOutput output) {
        this.name = name;
        this.path = path;
        this.input = input;
        this.output = output;
    }

    @Override
    public void open(FunctionContext context) {
        model = Model.open(name, path);
        writer = output.writer(model);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }

    @Override
    public Collection<RowData> predict(RowData row) {
        return List.of(writer.write(input.predict(model, row)));
    }
}
