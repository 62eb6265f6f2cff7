package headrace.jvm;

import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Casts the values of one input and names the rules that they break, as {@code headrace.core.validation} does. */
final class InputReader {
    private static final Set<String> TRUE = Set.of("true", "t", "yes", "y", "1", "1.0");
    private static final Set<String> FALSE = Set.of("false", "f", "no", "n", "0", "0.0");
    private static final Pattern NUMBER = Pattern.compile("[-+]?[0-9]+(\\.[0-9]+)?");
    private static final double UNSEEN = -1.0;

    final ScoringPlan.Input input;
    private final Set<String> missingValues;
    private final Set<String> marks = new HashSet<>();
    private final Set<Double> numberMarks = new HashSet<>();
    private final Set<Long> timeMarks = new HashSet<>();
    private final Set<String> clearedTexts = new HashSet<>();
    private final Map<Object, Double> codes = new HashMap<>();
    private final boolean checksType;
    private final boolean checksFinite;
    private final boolean checksRange;
    private final boolean checksCategory;
    private final boolean hasCodes;

    /** Prepares the reading of one input of a plan. */
    InputReader(ScoringPlan.Input input, ScoringPlan plan) {
        this.input = input;
        missingValues = plan.missingValues();
        // Only a mark that ends in a digit can survive a cast to a number or a time.
        for (String mark : missingValues) {
            if (!mark.isEmpty() && Character.isDigit(mark.charAt(mark.length() - 1))) {
                addMark(mark);
            }
        }
        List<String> categories = input.categories() == null ? List.of() : input.categories();
        if (input.acceptsUnseen()) {
            clearedTexts.addAll(missingValues);
            categories.forEach(clearedTexts::remove);
        }
        hasCodes = input.categories() != null && !input.dtype().equals("boolean");
        for (int place = 0; place < categories.size(); place++) {
            String text = categories.get(place);
            codes.putIfAbsent(input.dtype().equals("integer") ? (Object) Long.valueOf(text) : text, (double) place);
        }
        checksType = checks(plan, "type");
        checksFinite = checks(plan, "finite") && input.dtype().equals("number");
        checksRange = checks(plan, "range");
        checksCategory = checks(plan, "category") && hasCodes && !input.acceptsUnseen();
    }

    private boolean checks(ScoringPlan plan, String rule) {
        return input.isChecked() && !plan.severities().get(rule).equals("off");
    }

    private void addMark(String mark) {
        marks.add(mark);
        if (NUMBER.matcher(mark).matches()) {
            numberMarks.add(Double.valueOf(mark) + 0.0);
        }
        try {
            timeMarks.add(LocalDate.parse(mark).toEpochDay() * 86_400_000_000L);
        } catch (DateTimeParseException error) {
            return; // a number, not a day
        }
    }

    /**
     * A value of the contract's dtype.
     *
     * @param value Long, Double, String, Boolean or {@code Values.Time}; null if missing
     * @param broken the rules that it breaks, in the contract's order
     */
    record Typed(Object value, List<String> broken) {
        private static final Typed MISSING = new Typed(null, List.of());
    }

    /** Casts and checks one value of {@link Values}. */
    Typed read(Object raw) {
        if (raw == null) {
            return input.isRequired() ? new Typed(null, List.of("missing")) : Typed.MISSING;
        }
        Object typed = cast(raw);
        if (typed == null && !(raw instanceof String text && missingValues.contains(text))) {
            return checksType ? new Typed(null, List.of("type")) : Typed.MISSING;
        }
        if (typed != null && (isMarked(raw, typed) || isCategoryMark(typed))) {
            typed = null;
        }
        if (typed == null) {
            return input.isRequired() ? new Typed(null, List.of("missing")) : Typed.MISSING;
        }
        return new Typed(typed, broken(typed));
    }

    private boolean isMarked(Object raw, Object typed) {
        boolean isNumber = input.dtype().equals("integer") || input.dtype().equals("number");
        if (marks.isEmpty() || input.dtype().equals("string")) {
            return false;
        }
        if (isNumber && !numberMarks.isEmpty()) {
            return numberMarks.contains(((Number) typed).doubleValue() + 0.0);
        }
        if (raw instanceof String text) {
            return marks.contains(text);
        }
        return typed instanceof Values.Time time && timeMarks.contains(time.micros());
    }

    private boolean isCategoryMark(Object typed) {
        return typed instanceof String text
                && (clearedTexts.contains(text)
                        || (checksCategory && missingValues.contains(text) && !codes.containsKey(text)));
    }

    private List<String> broken(Object typed) {
        if (!(checksFinite || checksRange || checksCategory)) {
            return List.of();
        }
        List<String> broken = List.of();
        if (typed instanceof Number number) {
            double value = number.doubleValue();
            broken = checksFinite && Double.isInfinite(value) ? with(broken, "finite") : broken;
            boolean isOutside =
                    (input.minimum() != null && value < input.minimum())
                            || (input.maximum() != null && value > input.maximum());
            broken = checksRange && isOutside ? with(broken, "range") : broken;
        }
        return checksCategory && !codes.containsKey(typed) ? with(broken, "category") : broken;
    }

    private static List<String> with(List<String> rules, String rule) {
        List<String> more = new ArrayList<>(rules);
        more.add(rule);
        return more;
    }

    /** Returns what the matrix holds for a typed value, before it is limited. */
    double number(Object typed) {
        if (typed == null) {
            return Double.NaN;
        }
        if (hasCodes) {
            return codes.getOrDefault(typed, UNSEEN);
        }
        return typed instanceof Boolean truth ? (truth ? 1.0 : 0.0) : ((Number) typed).doubleValue();
    }

    private Object cast(Object raw) {
        switch (input.dtype()) {
            case "integer":
                return integer(raw);
            case "number":
                return number64(raw);
            case "string":
                return text(raw);
            case "boolean":
                return truth(raw);
            default:
                return time(raw);
        }
    }

    private Object integer(Object raw) {
        if (raw instanceof Long) {
            return raw;
        }
        if (raw instanceof Double number) {
            return NumberTexts.whole(number);
        }
        return raw instanceof String text ? withPlain(text, NumberTexts::parseWhole) : null;
    }

    private Object number64(Object raw) {
        if (raw instanceof Number number) {
            return number.doubleValue();
        }
        return raw instanceof String text ? withPlain(text, NumberTexts::parseNumber) : null;
    }

    private Object withPlain(String text, java.util.function.Function<String, Object> parse) {
        String plain = input.notation() == null ? text : input.notation().plain(text);
        return plain == null ? null : parse.apply(plain);
    }

    private static Object text(Object raw) {
        if (raw instanceof Double number) {
            return NumberTexts.write(number);
        }
        return raw instanceof Values.Time ? null : raw.toString();
    }

    private static Object truth(Object raw) {
        if (raw instanceof Boolean) {
            return raw;
        }
        if (raw instanceof Number number) {
            double value = number.doubleValue();
            return value == 1 ? Boolean.TRUE : value == 0 ? Boolean.FALSE : null;
        }
        if (raw instanceof String text) {
            String lower = text.toLowerCase(Locale.ROOT);
            return TRUE.contains(lower) ? Boolean.TRUE : FALSE.contains(lower) ? Boolean.FALSE : null;
        }
        return null;
    }

    private Object time(Object raw) {
        if (raw instanceof Values.Time) {
            return raw;
        }
        // 20240105 may be a number.
        if (!(raw instanceof String) && !(raw instanceof Long && input.hasForms())) {
            return null;
        }
        for (TimeForm form : input.forms()) {
            Long micros = form.parse(raw.toString());
            if (micros != null) {
                return new Values.Time(micros);
            }
        }
        return null;
    }
}
