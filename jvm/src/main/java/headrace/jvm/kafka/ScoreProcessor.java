package headrace.jvm.kafka;

import headrace.jvm.Json;
import headrace.jvm.JsonRows;
import headrace.jvm.Model;
import headrace.jvm.Prediction;
import headrace.jvm.Violation;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/**
 * A processor of Kafka Streams that scores events, as `headrace stream` does.
 *
 * <p>Values are JSON objects in UTF-8. An answer has key, headers and time of its event; it goes to one child. What
 * breaks the contract goes to another one as it came, with the reason in its headers. A tombstone of a key is passed on to
 * the answers, so that a compacted topic deletes the answer of that key.
 *
 * <p>Kafka Streams 4.4. The model opens with the task and closes with it; a bad event raises nothing.
 */
public final class ScoreProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    private static final Violation EMPTY =
            new Violation("empty", "", "an event must have a value, or a key whose answer it deletes.");
    private static final Violation SIZE =
            new Violation("size", "", "an event's answer must not be larger than its topic takes; it is.");

    private final String name;
    private final String path;
    private final String answers;
    private final String deadLetters;
    private Model model;
    private RecordSizes sizes;
    private ProcessorContext<byte[], byte[]> context;

    private ScoreProcessor(String name, String path, String answers, String deadLetters) {
        this.name = name;
        this.path = path;
        this.answers = answers;
        this.deadLetters = deadLetters;
    }

    /**
     * Supplies processors for a topology.
     *
     * @param name name of the model; empty for the only one on the class path
     * @param path jar of `headrace export`, or a folder with its files; empty for the class path
     * @param answers name of the child that takes the answers
     * @param deadLetters name of the child that takes what breaks the contract
     */
    public static ProcessorSupplier<byte[], byte[], byte[], byte[]> supplier(
            String name, String path, String answers, String deadLetters) {
        return () -> new ScoreProcessor(name, path, answers, deadLetters);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        model = Model.open(name, path);
        sizes = RecordSizes.of(context.appConfigs());
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }

    @Override
    public void process(Record<byte[], byte[]> event) {
        if (event.value() == null && event.key() != null) {
            context.forward(event, answers);
            return;
        }
        Prediction prediction =
                event.value() == null ? Prediction.refused(EMPTY) : JsonRows.predict(model, event.value());
        if (prediction.refusal() != null) {
            forwardLetter(event, prediction.refusal());
            return;
        }
        Map<String, Object> answer = JsonRows.answer(model, prediction);
        context.recordMetadata().ifPresent(place -> answer.put("event_offset", place.offset()));
        Record<byte[], byte[]> answered = event.withValue(Json.write(answer).getBytes(StandardCharsets.UTF_8));
        if (sizes.fits(answered)) {
            context.forward(answered, answers);
        } else {
            forwardLetter(event, SIZE);
        }
    }

    /** Forwards an event as it came; its bytes, and then its key and headers, are left out where they are too many. */
    private void forwardLetter(Record<byte[], byte[]> event, Violation refusal) {
        Record<byte[], byte[]> letter = event.withHeaders(reasons(event.headers(), refusal));
        String omitted = "value of " + (event.value() == null ? 0 : event.value().length) + " bytes";
        if (!sizes.fits(letter)) {
            add(letter.headers(), "headrace-omitted", omitted);
            letter = letter.withValue(new byte[0]);
        }
        if (!sizes.fits(letter)) {
            letter = letter.withKey((byte[]) null).withHeaders(reasons(new RecordHeaders(), refusal));
            add(letter.headers(), "headrace-omitted", omitted + ", key, headers");
        }
        context.forward(letter, deadLetters);
    }

    private Headers reasons(Headers headers, Violation refusal) {
        Headers reasons = new RecordHeaders(headers);
        add(reasons, "headrace-reason", refusal.rule());
        add(reasons, "headrace-sentence", refusal.sentence());
        Optional<RecordMetadata> place = context.recordMetadata();
        if (place.isPresent()) {
            add(reasons, "headrace-topic", place.get().topic());
            add(reasons, "headrace-partition", Integer.toString(place.get().partition()));
            add(reasons, "headrace-offset", Long.toString(place.get().offset()));
        }
        add(reasons, "headrace-model", model.name());
        add(reasons, "headrace-digest", model.digest());
        return reasons;
    }

    private static void add(Headers headers, String name, String text) {
        headers.add(name, text.getBytes(StandardCharsets.UTF_8));
    }
}
