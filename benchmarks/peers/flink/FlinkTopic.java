import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Scores a topic by a model call over HTTP for each row, into another topic, until its end: servers, topic, topic of
 * answers, endpoint. Answers are committed with checkpoints, each second.
 */
final class FlinkTopic {
    public static void main(String[] arguments) throws Exception {
        TableEnvironment flink = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        flink.getConfig().set("parallelism.default", "1");
        flink.getConfig().set("execution.checkpointing.interval", "1 s");
        String columns = IntStream.range(0, 12).mapToObj(place -> "x" + place).collect(Collectors.joining(", "));
        String typed = columns.replace(",", " DOUBLE,") + " DOUBLE";
        String broker = "'connector' = 'kafka', 'properties.bootstrap.servers' = '" + arguments[0] + "', 'topic' = '";
        flink.executeSql(
                "CREATE TABLE events (" + typed + ") WITH (" + broker + arguments[1]
                        + "', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset',"
                        + " 'scan.bounded.mode' = 'latest-offset')");
        flink.executeSql(
                "CREATE TABLE answers (probability DOUBLE) WITH (" + broker + arguments[2]
                        + "', 'format' = 'json', 'sink.delivery-guarantee' = 'exactly-once',"
                        + " 'sink.transactional-id-prefix' = '" + arguments[2]
                        + "', 'properties.transaction.timeout.ms' = '900000')");
        flink.executeSql(
                "CREATE MODEL served INPUT (" + typed + ") OUTPUT (probability DOUBLE) WITH ('provider' = 'v2-http',"
                        + " 'endpoint' = '" + arguments[3] + "')");
        flink.executeSql(
                        "INSERT INTO answers SELECT probability FROM ML_PREDICT(TABLE events, MODEL served, DESCRIPTOR("
                                + columns + "))")
                .await();
        System.exit(0);
    }
}
