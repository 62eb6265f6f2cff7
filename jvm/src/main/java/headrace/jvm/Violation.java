package headrace.jvm;

/**
 * A rule of the contract that a row breaks, or another reason why it has no prediction.
 *
 * @param rule {@code type}, {@code finite}, {@code range}, {@code category}, {@code missing}, {@code columns} or {@code
 *     unknown_columns}, as in the contract; {@code kind} for a value that is no number, text, truth or time; {@code
 *     shape} for what is no row; {@code answer} if the model has no finite score
 * @param column the column, empty if there is none
 * @param sentence what was expected and what was found; never a value of personal data
 */
public record Violation(String rule, String column, String sentence) {}
