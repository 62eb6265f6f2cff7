package headrace.jvm;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.regex.Pattern;

/** Numbers as texts, read and written as Polars reads and writes them. */
final class NumberTexts {
    /** Above it a double no longer distinguishes neighbouring whole numbers. */
    static final double LARGEST_WHOLE = 0x1p53;

    private static final Pattern DECIMAL =
            Pattern.compile("[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?");
    private static final Pattern INFINITE = Pattern.compile("[+-]?inf(inity)?", Pattern.CASE_INSENSITIVE);
    private static final Pattern WHOLE = Pattern.compile("[+-]?[0-9]+");
    private static final Pattern ZEROS = Pattern.compile("\\.0*\\z");
    private static final int MOST_DIGITS = 17;

    private NumberTexts() {}

    /** Returns the number that a text means, infinities included; null if it is none, or NaN. */
    static Double parseNumber(String text) {
        if (DECIMAL.matcher(text).matches()) {
            return Double.valueOf(text);
        }
        if (INFINITE.matcher(text).matches()) {
            return text.charAt(0) == '-' ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        }
        return null;
    }

    /** Returns the whole number that a text means, also where it is written 40.0 or 4e1; null if it is none. */
    static Long parseWhole(String text) {
        Long exact = parseLong(ZEROS.matcher(text).replaceFirst(""));
        if (exact != null) {
            return exact;
        }
        Double number = parseNumber(text);
        return number == null ? null : whole(number);
    }

    /** Returns a double as a whole number; null if it has a fraction or is too large to be exact. */
    static Long whole(double number) {
        return number == Math.rint(number) && Math.abs(number) <= LARGEST_WHOLE ? (Long) (long) number : null;
    }

    private static Long parseLong(String text) {
        if (!WHOLE.matcher(text).matches()) {
            return null;
        }
        try {
            return Long.valueOf(text);
        } catch (NumberFormatException error) {
            return null; // more than 64 bits
        }
    }

    /**
     * Writes a finite double as Polars does: the fewest digits that distinguish it, whole numbers without a point.
     *
     * <p>Java 17's own {@code Double.toString} does not always find the fewest (JDK-4511638).
     */
    static String write(double number) {
        Long whole = whole(number);
        if (whole != null) {
            return Long.toString(whole);
        }
        BigDecimal digits = shortest(number);
        int exponent = digits.precision() - digits.scale() - 1;
        if (exponent >= -5 && exponent < 16) {
            return digits.toPlainString();
        }
        String unscaled = digits.unscaledValue().abs().toString();
        String fraction = unscaled.length() > 1 ? "." + unscaled.substring(1) : "";
        return (number < 0 ? "-" : "") + unscaled.charAt(0) + fraction + "e" + exponent;
    }

    private static BigDecimal shortest(double number) {
        BigDecimal exact = new BigDecimal(number);
        BigDecimal rounded = exact;
        for (int digits = 1; digits <= MOST_DIGITS; digits++) {
            rounded = exact.round(new MathContext(digits));
            if (rounded.doubleValue() == number) {
                break;
            }
        }
        return rounded.stripTrailingZeros();
    }
}
