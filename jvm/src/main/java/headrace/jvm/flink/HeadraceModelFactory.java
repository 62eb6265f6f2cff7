package headrace.jvm.flink;

import headrace.jvm.Model;
import headrace.jvm.ModelException;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.ResolvedCatalogModel;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.ModelProviderFactory;
import org.apache.flink.table.functions.PredictFunction;
import org.apache.flink.table.ml.ModelProvider;
import org.apache.flink.table.ml.PredictRuntimeProvider;

/**
 * Flink SQL's model provider {@code headrace}: {@code CREATE MODEL m INPUT (...) OUTPUT (...) WITH ('provider' =
 * 'headrace')} and {@code ML_PREDICT}.
 *
 * <p>INPUT names the model's inputs, in any order; with {@code 'input' = 'json'} it is one column with a JSON object.
 * OUTPUT is chosen from {@code label}, {@code probability} (of the positive class), {@code probability_CLASS}, {@code
 * value}, {@code status}, {@code violations}, {@code reason}, {@code model_digest} and {@code answer} (the server's JSON,
 * NULL for a refused row).
 *
 * <p>Flink 2.3, FLIP-437 and FLIP-525.
 */
public final class HeadraceModelFactory implements ModelProviderFactory {
    private static final ConfigOption<String> NAME =
            ConfigOptions.key("model")
                    .stringType()
                    .defaultValue("")
                    .withDescription("Name of the model on the class path; empty for the only one.");
    private static final ConfigOption<String> PATH =
            ConfigOptions.key("path")
                    .stringType()
                    .defaultValue("")
                    .withDescription("Jar of `headrace export`, or a folder with its files; empty for the class path.");

    private static final ConfigOption<String> INPUT =
            ConfigOptions.key("input")
                    .stringType()
                    .defaultValue(ModelInput.COLUMNS)
                    .withDescription("Whether INPUT names the model's inputs, or is one column with a JSON object.");

    @Override
    public String factoryIdentifier() {
        return "headrace";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(NAME, PATH, INPUT);
    }

    @Override
    public ModelProvider createModelProvider(Context context) {
        FactoryUtil.ModelProviderFactoryHelper helper = FactoryUtil.createModelProviderFactoryHelper(this, context);
        helper.validate();
        ReadableConfig options = helper.getOptions();
        ResolvedCatalogModel declared = context.getCatalogModel();
        // Opened here too: a statement that does not fit the model fails when it is planned, not in the job.
        try (Model model = Model.open(options.get(NAME), options.get(PATH))) {
            ModelInput input = ModelInput.of(options.get(INPUT), model, declared.getResolvedInputSchema());
            ModelOutput output = ModelOutput.of(model, declared.getResolvedOutputSchema());
            return new Provider(options.get(NAME), options.get(PATH), input, output);
        } catch (ModelException error) {
            throw new ValidationException(error.getMessage(), error);
        }
    }

    private record Provider(String name, String path, ModelInput input, ModelOutput output)
            implements PredictRuntimeProvider {
        @Override
        public PredictFunction createPredictFunction(ModelProvider.Context context) {
            return new PredictRows(name, path, input, output);
        }

        @Override
        public ModelProvider copy() {
            return this;
        }
    }
}
