package headrace.jvm;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the numbers of a column are written: decimal mark, groups, currency, unit, minus.
 *
 * <p>The pattern comes with the model, from {@code headrace.core.values.number_notation}, whose {@code plain} this is.
 */
final class NumberNotation {
    private static final String MINUS = "-\u2212\u2012\u2013\u2014";
    private static final List<String> SIGNS = List.of("s1", "s2", "s3");

    private final Pattern pattern;
    private final char decimal;

    NumberNotation(String pattern, char decimal) {
        this.pattern = Pattern.compile(pattern, Pattern.UNICODE_CASE);
        this.decimal = decimal;
    }

    /** Returns the number that a text means, with a point and without marks; null if it is not in this notation. */
    String plain(String text) {
        Matcher match = pattern.matcher(text);
        if (!match.matches()) {
            return null;
        }
        boolean opened = match.group("o1") != null || match.group("o2") != null;
        boolean closed = match.group("c1") != null || match.group("c2") != null;
        boolean twice =
                (match.group("o1") != null && match.group("o2") != null)
                        || (match.group("c1") != null && match.group("c2") != null);
        long signs = SIGNS.stream().filter(name -> match.group(name) != null).count();
        if (twice || opened != closed || signs + (opened ? 1 : 0) > 1) {
            return null;
        }
        boolean negative =
                opened
                        || SIGNS.stream()
                                .map(match::group)
                                .anyMatch(sign -> sign != null && MINUS.contains(sign));
        String own = match.group("a");
        char mark = own != null ? decimal : decimal == '.' ? ',' : '.';
        StringBuilder plain = new StringBuilder(negative ? "-" : "");
        for (char letter : (own != null ? own : match.group("b")).toCharArray()) {
            if (letter == mark) {
                plain.append('.');
            } else if (Blanks.isDigit(letter)) {
                plain.append(letter);
            }
        }
        String exponent = match.group("e");
        return plain.append(exponent == null ? "" : exponent).toString();
    }
}
