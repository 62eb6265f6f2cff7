package headrace.jvm;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;

/** Prints what the encoder makes of values that SQL has and JSON lacks: number, text and time, or the broken rule. */
final class TypedValues {
    public static void main(String[] arguments) {
        try (Model model = Model.open(Path.of(arguments[0]))) {
            List<Object[]> rows = new ArrayList<>();
            for (Object age :
                    new Object[] {
                        (byte) 40, (short) 40, 40, 40L, 40f, 40.0, BigInteger.valueOf(40), new BigDecimal("40"),
                        new BigDecimal("4E+1"), new BigDecimal("40.00"), Float.NaN, Double.POSITIVE_INFINITY,
                        new BigDecimal("1E+1000000000"), BigInteger.TWO.pow(70), new byte[] {1}, 'a'
                    }) {
                rows.add(new Object[] {age, 12.5, new StringBuilder(" basic"), null});
            }
            for (Object joined :
                    new Object[] {
                        LocalDateTime.parse("2024-03-03T10:00:00.123456789"), LocalDate.parse("2024-03-03"),
                        Instant.parse("2024-03-03T10:00:00Z"), ZonedDateTime.parse("2024-03-03T11:00:00+01:00"),
                        java.sql.Timestamp.from(Instant.parse("2024-03-03T10:00:00Z")),
                        java.sql.Date.valueOf("2024-03-03"), Instant.MAX, Instant.MIN
                    }) {
                rows.add(new Object[] {40, 12.5, "basic", joined});
            }
            List<Prediction> together = model.predictAll(rows);
            for (int place = 0; place < rows.size(); place++) {
                RowEncoder.Encoded encoded = model.encoder().encode(rows.get(place));
                boolean isSame = together.get(place).toString().equals(model.predict(rows.get(place)).toString());
                System.out.println(
                        (encoded.refusal() != null ? encoded.refusal().rule() : java.util.Arrays.toString(encoded.matrix()))
                                + " " + isSame);
            }
        }
    }
}
