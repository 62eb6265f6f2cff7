package headrace.jvm;

/**
 * Why a row has no prediction.
 *
 * @param rule the rule of the contract that it breaks: {@code type}, {@code finite}, {@code range}, {@code category},
 *     {@code missing}, {@code columns}, {@code unknown_columns}; {@code kind} for a value that is no number, text,
 *     truth or time; {@code shape} for what is no row; {@code answer} if the model has no finite score
 * @param column the column, empty if there is none
 * @param sentence what was expected and what was found; never a value of personal data
 */
public record Refusal(String rule, String column, String sentence) {}
