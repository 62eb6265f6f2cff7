import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Times one way to score generated rows inside Flink, on one subtask of a warm process. Arguments: the way, rows of a
 * run, runs before those that count, runs. Prints seconds of time and of CPU for each run, without what a run of few rows
 * takes.
 */
final class FlinkSpeed {
    private static final int FEW = 1000;
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final String NAMES = join(place -> "x" + place);

    public static void main(String[] arguments) throws Exception {
        int rows = Integer.parseInt(arguments[1]);
        int before = Integer.parseInt(arguments[2]);
        TableEnvironment flink = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        flink.getConfig().set("parallelism.default", "1");
        flink.executeSql("CREATE FUNCTION hand_written AS 'HandWritten'");
        flink.executeSql("CREATE FUNCTION headrace_predict AS 'headrace.jvm.flink.HeadracePredict'");
        flink.executeSql("CREATE FUNCTION headrace_predict_json AS 'headrace.jvm.flink.HeadracePredictJson'");
        flink.executeSql(
                "CREATE MODEL scorer INPUT (" + join(place -> "x" + place + " DOUBLE")
                        + ") OUTPUT (probability DOUBLE) WITH ('provider' = 'headrace')");
        flink.executeSql("CREATE TABLE sink (probability DOUBLE) WITH ('connector' = 'blackhole')");
        source(flink, "many", rows);
        source(flink, "few", FEW);
        List<Double> seconds = new ArrayList<>();
        List<Double> cpu = new ArrayList<>();
        for (int run = 0; run < before + Integer.parseInt(arguments[3]); run++) {
            double[] few = seconds(flink, arguments[0], "few");
            double[] many = seconds(flink, arguments[0], "many");
            if (run >= before) {
                seconds.add((many[0] - few[0]) * rows / (rows - FEW));
                cpu.add((many[1] - few[1]) * rows / (rows - FEW));
            }
        }
        System.out.println("{\"seconds\": " + seconds + ", \"cpu\": " + cpu + ", \"rows\": " + rows + "}");
        System.exit(0);
    }

    private interface Text {
        String of(int place);
    }

    private static String join(Text text) {
        return IntStream.range(0, 12).mapToObj(text::of).collect(Collectors.joining(", "));
    }

    private static void source(TableEnvironment flink, String name, int rows) {
        String options =
                Arrays.stream(NAMES.split(", "))
                        .map(column -> ", 'fields." + column + ".min' = '-3', 'fields." + column + ".max' = '3'")
                        .collect(Collectors.joining());
        flink.executeSql(
                "CREATE TABLE " + name + " (" + join(place -> "x" + place + " DOUBLE NOT NULL")
                        + ") WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'number-of-rows' = '"
                        + rows + "'" + options + ")");
    }

    private static double[] seconds(TableEnvironment flink, String way, String table) throws Exception {
        String query =
                switch (way) {
                    case "nothing" -> "SELECT " + NAMES.replace(", ", " + ") + " FROM " + table;
                    case "hand" -> "SELECT hand_written(" + NAMES + ") FROM " + table;
                    case "function" ->
                            "SELECT headrace_predict('', " + join(place -> "'x" + place + "', x" + place)
                                    + ").probability FROM " + table;
                    case "ml_predict" ->
                            "SELECT probability FROM ML_PREDICT(TABLE " + table + ", MODEL scorer, DESCRIPTOR(" + NAMES
                                    + "))";
                    default -> throw new IllegalArgumentException(way);
                };
        long began = System.nanoTime();
        long spent = SYSTEM.getProcessCpuTime();
        flink.executeSql("INSERT INTO sink " + query).await();
        return new double[] {(System.nanoTime() - began) / 1e9, (SYSTEM.getProcessCpuTime() - spent) / 1e9};
    }
}
