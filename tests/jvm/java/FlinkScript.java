import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ResultKind;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** Runs the statements of a file on a Flink of this process; prints rows of queries, and last causes of errors. */
final class FlinkScript {
    public static void main(String[] arguments) throws Exception {
        TableEnvironment flink = TableEnvironment.create(EnvironmentSettings.inBatchMode());
        flink.getConfig().set("parallelism.default", "1");
        for (String statement : Files.readString(Path.of(arguments[0])).split(";\n")) {
            try {
                print(flink.executeSql(statement));
            } catch (Exception error) {
                Throwable cause = error;
                while (cause.getCause() != null) {
                    cause = cause.getCause();
                }
                System.out.println("error\t" + cause.getMessage().replace('\n', ' '));
            }
        }
    }

    @SuppressWarnings("try") // closing may be interrupted
    private static void print(TableResult result) throws Exception {
        if (result.getResultKind() != ResultKind.SUCCESS_WITH_CONTENT) {
            return;
        }
        try (CloseableIterator<Row> rows = result.collect()) {
            while (rows.hasNext()) {
                Row row = rows.next();
                System.out.println(
                        "row\t"
                                + row.getFieldNames(true).stream()
                                        .map(name -> name + "=" + row.getField(name))
                                        .collect(Collectors.joining("\t")));
            }
        }
    }
}
