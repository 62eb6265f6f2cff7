package headrace.jvm;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;

/**
 * Values as SQL and JSON give them, brought to few kinds: {@code String} without blanks around it, {@code Boolean},
 * {@code Long}, {@code Double} and {@link Time}; null is a missing value.
 *
 * <p>As in Python: a whole number of more than 64 bits is a text, a decimal with places a double, NaN is missing, an
 * instant counts in UTC.
 */
final class Values {
    /** What stands for a value of another kind, or an infinity. */
    static final Object OTHER = new Object();

    /** Ten thousand years. */
    private static final long MOST_SECONDS = 315_569_520_000L;

    /** No decimal of SQL has more digits; a longer one is read as a double. */
    private static final int MOST_DIGITS = 38;

    private Values() {}

    /** A time in microseconds since 1970, UTC. */
    record Time(long micros) {}

    /** Returns a value as one of the kinds; {@link #OTHER} if it is none of them. */
    static Object read(Object value) {
        if (value == null || value instanceof Long || value instanceof Boolean) {
            return value;
        }
        if (value instanceof CharSequence text) {
            return Blanks.trim(text.toString());
        }
        if (value instanceof Double || value instanceof Float) {
            double number = ((Number) value).doubleValue();
            return Double.isNaN(number) ? null : Double.isInfinite(number) ? OTHER : (Object) number;
        }
        if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return ((Number) value).longValue();
        }
        if (value instanceof BigInteger whole) {
            return whole.bitLength() < Long.SIZE ? (Object) whole.longValue() : whole.toString();
        }
        if (value instanceof BigDecimal decimal) {
            boolean isWhole = decimal.scale() <= 0 && decimal.precision() - decimal.scale() <= MOST_DIGITS;
            return isWhole ? read(decimal.toBigIntegerExact()) : read(decimal.doubleValue());
        }
        return time(value);
    }

    private static Object time(Object value) {
        if (value instanceof LocalDateTime time) {
            return of(time.toInstant(ZoneOffset.UTC));
        }
        if (value instanceof LocalDate day) {
            return of(day.atStartOfDay().toInstant(ZoneOffset.UTC));
        }
        if (value instanceof Instant instant) {
            return of(instant);
        }
        if (value instanceof OffsetDateTime time) {
            return of(time.toInstant());
        }
        if (value instanceof ZonedDateTime time) {
            return of(time.toInstant());
        }
        if (value instanceof java.sql.Timestamp time) {
            return of(time.toInstant());
        }
        if (value instanceof java.sql.Date day) {
            return of(day.toLocalDate().atStartOfDay().toInstant(ZoneOffset.UTC));
        }
        return OTHER;
    }

    /** Returns microseconds since 1970; {@link #OTHER} for a time that is thousands of years away. */
    private static Object of(Instant instant) {
        long seconds = instant.getEpochSecond();
        return Math.abs(seconds) > MOST_SECONDS
                ? OTHER
                : new Time(seconds * 1_000_000L + instant.getNano() / 1000);
    }

    /** Returns the words for the kind of a value; never the value itself, which may be personal. */
    static String describe(Object value) {
        if (value instanceof Double || value instanceof Float) {
            return "an infinity";
        }
        return value instanceof java.util.Map<?, ?>
                ? "an object"
                : value instanceof java.util.List<?>
                        ? "an array"
                        : "a value of type " + value.getClass().getSimpleName();
    }
}
