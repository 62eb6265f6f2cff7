package headrace.jvm;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Set;

/** Columns computed from others of the same row, as {@code headrace.core.features.row_features}. */
final class RowFeatures {
    private static final double MICROS_PER_MINUTE = 60_000_000;

    private RowFeatures() {}

    /**
     * Computes one row feature.
     *
     * @param kind its kind in the contract
     * @param values typed values that it is computed from, one or two
     * @param holidays days since 1970
     * @return the number; NaN if it is missing
     */
    static double compute(String kind, Object[] values, Set<Long> holidays) {
        for (Object value : values) {
            if (value == null) {
                return Double.NaN;
            }
        }
        switch (kind) {
            case "elapsed":
                return (micros(values[1]) - micros(values[0])) / MICROS_PER_MINUTE;
            case "ratio":
                double divisor = number(values[1]);
                return divisor == 0 ? Double.NaN : finite(number(values[0]) / divisor);
            case "product":
                return finite(number(values[0]) * number(values[1]));
            default:
                return ofTime(kind, micros(values[0]), holidays);
        }
    }

    private static double ofTime(String kind, long micros, Set<Long> holidays) {
        LocalDateTime time =
                LocalDateTime.ofEpochSecond(Math.floorDiv(micros, 1_000_000L), 0, ZoneOffset.UTC);
        LocalDate day = time.toLocalDate();
        switch (kind) {
            case "day_of_week":
                return day.getDayOfWeek().getValue();
            case "weekend":
                return day.getDayOfWeek().getValue() >= 6 ? 1 : 0;
            case "month":
                return day.getMonthValue();
            case "hour":
                return time.getHour();
            case "holiday":
                return holidays.contains(day.toEpochDay()) ? 1 : 0;
            default:
                throw new ModelException(
                        "the row feature " + kind + " is unknown to this library: use a matching one.");
        }
    }

    private static long micros(Object value) {
        return ((Values.Time) value).micros();
    }

    private static double number(Object value) {
        return value instanceof Boolean truth ? (truth ? 1 : 0) : ((Number) value).doubleValue();
    }

    /** An overflow is missing, because no model accepts infinities. */
    private static double finite(double value) {
        return Double.isFinite(value) ? value : Double.NaN;
    }
}
