package headrace.jvm;

/** A model that cannot be used: it is damaged, absent, of another version, or its answers are wrong. */
public final class ModelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Takes one sentence: what was expected, what was found, the remedy. */
    public ModelException(String message) {
        super(message);
    }

    /** Takes the sentence and what led to it. */
    public ModelException(String message, Throwable cause) {
        super(message, cause);
    }
}
