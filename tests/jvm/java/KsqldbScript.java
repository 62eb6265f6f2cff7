import headrace.jvm.ksqldb.HeadracePredict;
import java.nio.charset.StandardCharsets;

/** Calls ksqlDB's function for each line of standard input. */
final class KsqldbScript {
    public static void main(String[] arguments) throws Exception {
        HeadracePredict function = new HeadracePredict();
        for (String line : new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
            System.out.println(function.predict("customers", line.isEmpty() ? null : line));
        }
    }
}
