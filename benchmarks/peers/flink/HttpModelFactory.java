import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.ModelProviderFactory;
import org.apache.flink.table.functions.AsyncPredictFunction;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.ml.AsyncPredictRuntimeProvider;
import org.apache.flink.table.ml.ModelProvider;

/**
 * A model provider that asks a server for each row, by the inference protocol V2: what Flink's own provider for Triton
 * does, with Java's HTTP client. How many calls are open is Flink's own setting.
 */
public final class HttpModelFactory implements ModelProviderFactory {
    private static final ConfigOption<String> ENDPOINT = ConfigOptions.key("endpoint").stringType().noDefaultValue();

    @Override
    public String factoryIdentifier() {
        return "v2-http";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(ENDPOINT);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public ModelProvider createModelProvider(Context context) {
        FactoryUtil.ModelProviderFactoryHelper helper = FactoryUtil.createModelProviderFactoryHelper(this, context);
        helper.validate();
        return new Provider(helper.getOptions().get(ENDPOINT));
    }

    private record Provider(String endpoint) implements AsyncPredictRuntimeProvider {
        @Override
        public AsyncPredictFunction createAsyncPredictFunction(ModelProvider.Context context) {
            return new Calls(endpoint);
        }

        @Override
        public ModelProvider copy() {
            return this;
        }
    }

    /** One request for each row of twelve numbers. */
    public static final class Calls extends AsyncPredictFunction {
        private static final long serialVersionUID = 1L;

        private final String endpoint;
        private transient HttpClient client;
        private transient ObjectMapper mapper;

        Calls(String endpoint) {
            this.endpoint = endpoint;
        }

        @Override
        public void open(FunctionContext context) {
            client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
            mapper = new ObjectMapper();
        }

        @Override
        public CompletableFuture<Collection<RowData>> asyncPredict(RowData row) {
            String values =
                    IntStream.range(0, 12)
                            .mapToObj(place -> Double.toString(row.getDouble(place)))
                            .collect(Collectors.joining(","));
            String body =
                    "{\"inputs\":[{\"name\":\"rows\",\"shape\":[1,12],\"datatype\":\"FP64\",\"data\":[" + values
                            + "]}],\"outputs\":[{\"name\":\"predict_proba\"}]}";
            HttpRequest request =
                    HttpRequest.newBuilder(URI.create(endpoint))
                            .header("Content-Type", "application/json")
                            .POST(BodyPublishers.ofString(body))
                            .build();
            return client.sendAsync(request, BodyHandlers.ofByteArray())
                    .thenApply(
                            answer -> {
                                try {
                                    if (answer.statusCode() != 200) {
                                        throw new IllegalStateException("status " + answer.statusCode());
                                    }
                                    double score =
                                            mapper.readTree(answer.body()).at("/outputs/0/data/1").asDouble();
                                    return List.of((RowData) GenericRowData.of(score));
                                } catch (java.io.IOException error) {
                                    throw new IllegalStateException(error);
                                }
                            });
        }
    }
}
