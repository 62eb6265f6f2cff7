package headrace.jvm;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One form of times as text, in strftime directives, read as Polars reads it (the rules of Rust's chrono 0.4).
 *
 * <p>A number may have fewer digits than usual and blanks before it, a blank of the form stands for any number of
 * blanks, a leap second is the next second, digits behind microseconds are cut.
 */
final class TimeForm {
    private static final Pattern DIRECTIVE = Pattern.compile("%(\\.f|#z|[YmdyHIMSpbB])|\\s+|[^%\\s]+");
    private static final List<String> MONTHS =
            List.of("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec");
    private static final List<String> LONG_MONTHS =
            List.of(
                    "january", "february", "march", "april", "may", "june", "july", "august", "september",
                    "october", "november", "december");
    private static final Pattern CLOCK = Pattern.compile("(?i)\\s*([ap])\\.?\\s?m\\.?\\z");
    private static final long SECOND = 1_000_000;
    private static final long DAY = 86_400 * SECOND;
    /** The years 1000 to 9999, in microseconds since 1970. */
    private static final long LEAST = -30_610_224_000_000_000L;
    private static final long MOST = 253_402_300_799_999_999L;

    private final List<String> items = new ArrayList<>();
    private final List<String> longItems = new ArrayList<>();
    private final boolean hasMonthNames;
    private final boolean hasHalfDays;
    private final MonthNames months;

    /**
     * Prepares a form.
     *
     * @param form directives, without alternatives
     * @param months English months by the start of their name in any language
     */
    TimeForm(String form, MonthNames months) {
        Matcher match = DIRECTIVE.matcher(form);
        int place = 0;
        while (match.lookingAt()) {
            items.add(match.group());
            longItems.add(match.group().equals("%b") ? "%B" : match.group());
            place = match.end();
            match.region(place, form.length());
        }
        if (place != form.length()) {
            throw new ModelException("the time format " + form + " has a directive that this library does not know.");
        }
        this.months = months;
        hasMonthNames = longItems.contains("%B");
        hasHalfDays = items.contains("%p");
    }

    /** Reads a time as microseconds since 1970, UTC; null if the text does not have this form. */
    Long parse(String text) {
        Long time = new Reader(text).read(items);
        if (time == null && hasMonthNames) {
            time = new Reader(months.inEnglish(text)).read(longItems);
        } else if (time == null && hasHalfDays) {
            time = new Reader(CLOCK.matcher(text).replaceFirst(" $1m")).read(items);
        }
        return time == null || time < LEAST || time > MOST ? null : time;
    }

    /** English names of months in texts of other languages, as {@code headrace.core.values.month_names}. */
    static final class MonthNames {
        private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS;
        private static final Pattern WEEKDAY =
                Pattern.compile(
                        "^[^\\W\\d_]{2,}\\.?,?\\s+(.*[0-9].*[^\\W\\d_]{3,}.*[0-9]{2}.*)$", FLAGS);
        private static final Pattern ORDINAL =
                Pattern.compile("([0-9])\\s*(?:st|nd|rd|th|er|\u00ba|\u00aa|\\.)([\\s,-])", FLAGS);
        private static final Pattern OF = Pattern.compile("\\s+(?:de|del|of)\\s+", FLAGS);
        private static final Pattern ZONE = Pattern.compile("\\s+(?:gmt|utc)$", FLAGS);
        private static final Pattern WORD = Pattern.compile("^(.*?)([^\\W\\d_]{3,})", FLAGS);
        private static final Pattern AFTER = Pattern.compile("^.*?[^\\W\\d_]{3,}\\.?(.*)$", FLAGS);

        private final Map<String, String> english;
        private final int longest;

        MonthNames(Map<String, String> english) {
            this.english = english;
            longest = english.keySet().stream().mapToInt(String::length).max().orElse(0);
        }

        String inEnglish(String text) {
            String plain = text.toLowerCase(Locale.ROOT);
            plain = WEEKDAY.matcher(plain).replaceAll("$1");
            plain = ORDINAL.matcher(plain).replaceAll("$1$2");
            plain = OF.matcher(plain).replaceAll(" ");
            plain = ZONE.matcher(plain).replaceAll("");
            Matcher word = WORD.matcher(plain);
            Matcher after = AFTER.matcher(plain);
            if (!word.find() || !after.find()) {
                return plain;
            }
            String month = word.group(2);
            for (int length = Math.min(longest, month.length()); length > 0; length--) {
                String known = english.get(month.substring(0, length));
                if (known != null) {
                    month = known;
                    break;
                }
            }
            return word.group(1) + month + after.group(1);
        }
    }

    /** Reads one text, from left to right. */
    private static final class Reader {
        private final String text;
        private int place;
        private long year = Long.MIN_VALUE;
        private long month = 1;
        private long day = 1;
        private long hour;
        private long halfHour = -1;
        private long half = -1;
        private long minute;
        private long second;
        private long micros;
        private long offset;

        Reader(String text) {
            this.text = text;
        }

        Long read(List<String> items) {
            for (String item : items) {
                if (!take(item)) {
                    return null;
                }
            }
            return place == text.length() && isComplete() ? time() : null;
        }

        private boolean isComplete() {
            if ((halfHour >= 0) != (half >= 0) || year == Long.MIN_VALUE) {
                return false;
            }
            if (halfHour >= 0) {
                if (halfHour < 1 || halfHour > 12) {
                    return false;
                }
                hour = halfHour % 12 + 12 * half;
            }
            return hour <= 23 && minute <= 59 && second <= 60 && Math.abs(year) <= 999_999;
        }

        private Long time() {
            try {
                long days = LocalDate.of((int) year, (int) month, (int) day).toEpochDay();
                long seconds = 3600 * hour + 60 * minute + second - offset;
                return days * DAY + seconds * SECOND + micros;
            } catch (DateTimeException error) {
                return null; // there is no such day
            }
        }

        private boolean take(String item) {
            if (item.charAt(0) != '%') {
                if (Blanks.isSpace(item.charAt(0))) {
                    skipBlanks();
                    return true;
                }
                boolean fits = text.startsWith(item, place);
                place += fits ? item.length() : 0;
                return fits;
            }
            switch (item) {
                case "%Y":
                    year = year();
                    return year != Long.MIN_VALUE;
                case "%y":
                    year = number(2);
                    year += year < 0 ? 0 : year < 70 ? 2000 : 1900;
                    return year >= 0;
                case "%m":
                    month = number(2);
                    return month >= 1;
                case "%d":
                    day = number(2);
                    return day >= 1;
                case "%H":
                    hour = number(2);
                    return hour >= 0;
                case "%I":
                    halfHour = number(2);
                    return halfHour >= 0;
                case "%M":
                    minute = number(2);
                    return minute >= 0;
                case "%S":
                    second = number(2);
                    return second >= 0;
                case "%.f":
                    return fraction();
                case "%p":
                    half = half();
                    return half >= 0;
                case "%b":
                    month = monthName();
                    return month >= 1;
                case "%B":
                    month = monthName();
                    skipLongMonth();
                    return month >= 1;
                default:
                    return zone();
            }
        }

        private void skipBlanks() {
            while (place < text.length() && Blanks.isSpace(text.charAt(place))) {
                place++;
            }
        }

        /** Reads at most so many digits; -1 if there is none. */
        private long number(int most) {
            skipBlanks();
            return digits(most);
        }

        private long digits(int most) {
            int start = place;
            long value = 0;
            while (place < text.length() && place - start < most && Blanks.isDigit(text.charAt(place))) {
                value = Math.min(10 * value + text.charAt(place++) - '0', 1_000_000_000L);
            }
            return place > start ? value : -1;
        }

        private long year() {
            skipBlanks();
            char sign = place < text.length() ? text.charAt(place) : ' ';
            boolean isSigned = sign == '+' || sign == '-';
            place += isSigned ? 1 : 0;
            long value = digits(isSigned ? Integer.MAX_VALUE : 4);
            return value < 0 ? Long.MIN_VALUE : sign == '-' ? -value : value;
        }

        private boolean fraction() {
            if (place >= text.length() || text.charAt(place) != '.') {
                return true;
            }
            place++;
            int start = place;
            long scale = SECOND;
            while (place < text.length() && Blanks.isDigit(text.charAt(place))) {
                scale /= 10;
                micros += scale * (text.charAt(place++) - '0');
            }
            return place > start;
        }

        private long half() {
            if (place + 2 > text.length()) {
                return -1;
            }
            String letters = text.substring(place, place + 2).toLowerCase(Locale.ROOT);
            place += 2;
            return letters.equals("am") ? 0 : letters.equals("pm") ? 1 : -1;
        }

        private long monthName() {
            if (place + 3 > text.length()) {
                return -1;
            }
            int found = MONTHS.indexOf(text.substring(place, place + 3).toLowerCase(Locale.ROOT));
            place += 3;
            return found + 1;
        }

        private void skipLongMonth() {
            if (month < 1) {
                return;
            }
            String rest = LONG_MONTHS.get((int) month - 1).substring(3);
            if (text.regionMatches(true, place, rest, 0, rest.length())) {
                place += rest.length();
            }
        }

        private boolean zone() {
            skipBlanks();
            if (place >= text.length()) {
                return false;
            }
            char sign = text.charAt(place++);
            if (sign == 'Z' || sign == 'z') {
                return true;
            }
            if (sign != '+' && sign != '-' && sign != '\u2212') {
                return false;
            }
            int start = place;
            long hours = digits(2);
            if (place - start != 2) {
                return false;
            }
            while (place < text.length() && (text.charAt(place) == ':' || Blanks.isSpace(text.charAt(place)))) {
                place++;
            }
            start = place;
            long minutes = Math.max(0, digits(2));
            if (place - start == 1 || minutes > 59 || hours > 23) {
                return false;
            }
            offset = (3600 * hours + 60 * minutes) * (sign == '+' ? 1 : -1);
            return true;
        }
    }
}
