import headrace.jvm.spark.HeadracePredict;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;

/** Scores the rows of a file of JSON lines with Spark SQL, and prints them as JSON. */
final class SparkScript {
    public static void main(String[] arguments) {
        SparkSession spark =
                SparkSession.builder()
                        .master("local[2]")
                        .config("spark.ui.enabled", "false")
                        .config("spark.driver.bindAddress", "127.0.0.1")
                        .config("spark.driver.host", "127.0.0.1")
                        .config("spark.executor.heartbeatInterval", "120s")
                        .config("spark.network.timeout", "900s")
                        .config("spark.sql.warehouse.dir", arguments[1])
                        .getOrCreate();
        spark.udf().register("headrace_predict", new HeadracePredict(), DataType.fromDDL(HeadracePredict.SCHEMA));
        spark.read()
                .schema("n INT, age INT, spend DOUBLE, plan STRING, joined TIMESTAMP_NTZ")
                .json(arguments[0])
                .createOrReplaceTempView("t");
        List<String> lines =
                spark.sql(
                                "SELECT n, p.* FROM (SELECT n, headrace_predict('customers', struct(age, spend, plan,"
                                        + " joined)) AS p FROM t) ORDER BY n")
                        .toJSON()
                        .collectAsList();
        lines.forEach(line -> System.out.println("row " + line));
        spark.stop();
    }
}
