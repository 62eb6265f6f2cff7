import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.types.Row;

/** Counts how often Flink calls a function. */
public final class FlinkCalls extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    private transient int calls;

    @DataTypeHint("ROW<a1 INT, b1 INT>")
    public Row eval(Integer number) {
        calls++;
        return Row.of(calls, calls);
    }
}
