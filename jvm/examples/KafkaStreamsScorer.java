import headrace.jvm.kafka.ScoreProcessor;
import java.io.FileReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Scores a topic with Kafka Streams, each event once: a file of settings, then the topics of events, answers and dead
 * letters. SIGTERM ends it in order; an error that it cannot get over ends it with exit code 1, so that it is started
 * again.
 */
final class KafkaStreamsScorer {
    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        try (Reader file = new FileReader(arguments[0], StandardCharsets.UTF_8)) {
            settings.load(file);
        }
        settings.putIfAbsent(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.putIfAbsent("auto.offset.reset", "earliest");
        KafkaStreams streams = new KafkaStreams(topology(arguments[1], arguments[2], arguments[3]), settings);
        CountDownLatch ended = new CountDownLatch(1);
        boolean[] hasFailed = new boolean[1];
        streams.setUncaughtExceptionHandler(
                error -> {
                    error.printStackTrace();
                    hasFailed[0] = true;
                    ended.countDown();
                    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(30))));
        streams.start();
        ended.await();
        System.exit(hasFailed[0] ? 1 : 0);
    }

    private static Topology topology(String events, String answers, String deadLetters) {
        Topology topology = new Topology();
        topology.addSource("events", new ByteArrayDeserializer(), new ByteArrayDeserializer(), events);
        topology.addProcessor("score", ScoreProcessor.supplier("", "", "answers", "dead-letters"), "events");
        topology.addSink("answers", answers, new ByteArraySerializer(), new ByteArraySerializer(), "score");
        topology.addSink("dead-letters", deadLetters, new ByteArraySerializer(), new ByteArraySerializer(), "score");
        return topology;
    }
}
