package headrace.jvm;

/** Blanks around texts and inside times. */
final class Blanks {
    private Blanks() {}

    /** Removes spaces and tabs around a text, as a CSV is read. */
    static String trim(String text) {
        int start = 0;
        int end = text.length();
        while (start < end && isPadding(text.charAt(start))) {
            start++;
        }
        while (end > start && isPadding(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(start, end);
    }

    private static boolean isPadding(char letter) {
        return letter == ' ' || letter == '\t';
    }

    /** Checks for Unicode's White_Space, which Java's own methods differ from. */
    static boolean isSpace(char letter) {
        return (letter >= 0x09 && letter <= 0x0D)
                || letter == 0x20
                || letter == 0x85
                || letter == 0xA0
                || letter == 0x1680
                || (letter >= 0x2000 && letter <= 0x200A)
                || letter == 0x2028
                || letter == 0x2029
                || letter == 0x202F
                || letter == 0x205F
                || letter == 0x3000;
    }

    static boolean isDigit(char letter) {
        return letter >= '0' && letter <= '9';
    }
}
