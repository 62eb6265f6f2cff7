import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;

/**
 * Runs a script of Flink's SQL client on a Flink of this process, and waits for its job. Further arguments are settings,
 * {@code name=value}, which outweigh those of the script.
 */
final class FlinkJob {
    private static final Pattern SET = Pattern.compile("SET\\s+'([^']+)'\\s*=\\s*'([^']*)'");

    public static void main(String[] arguments) throws Exception {
        TableEnvironment flink = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        TableResult job = null;
        for (String statement : statements(Files.readString(Path.of(arguments[0])))) {
            Matcher set = SET.matcher(statement);
            if (set.matches()) {
                flink.getConfig().set(set.group(1), set.group(2));
                continue;
            }
            if (statement.startsWith("EXECUTE")) {
                for (int place = 1; place < arguments.length; place++) {
                    String[] setting = arguments[place].split("=", 2);
                    flink.getConfig().set(setting[0], setting[1]);
                }
                flink.executeSql(statement.replaceFirst("EXECUTE", "EXPLAIN")).print();
            }
            job = flink.executeSql(statement);
        }
        System.out.println("runs");
        job.await();
        System.out.println("ended");
    }

    /** Cuts a script at semicolons at ends of lines, outside BEGIN and END; comments are lines of their own. */
    private static List<String> statements(String script) {
        List<String> statements = new ArrayList<>();
        StringBuilder open = new StringBuilder();
        for (String line : script.split("\n")) {
            if (line.strip().startsWith("--")) {
                continue;
            }
            open.append(line).append('\n');
            boolean isBlock = open.indexOf("BEGIN") >= 0;
            if (line.strip().equals("END;") || (!isBlock && line.strip().endsWith(";"))) {
                String statement = open.toString().strip();
                statements.add(statement.substring(0, statement.length() - 1));
                open.setLength(0);
            }
        }
        return statements;
    }
}
