import headrace.jvm.kafka.ScoreProcessor;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Properties;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Scores the lines of standard input with Kafka Streams' own test driver. A line is the key, a tab and the value; an
 * empty key is none, and so is an empty value. Prints topic, key, time, value and headers.
 */
final class KafkaScript {
    public static void main(String[] arguments) throws Exception {
        Topology topology = new Topology();
        topology.addSource("events", new ByteArrayDeserializer(), new ByteArrayDeserializer(), "events");
        topology.addProcessor("score", ScoreProcessor.supplier("", "", "answers", "dead"), "events");
        topology.addSink("answers", "answers", new ByteArraySerializer(), new ByteArraySerializer(), "score");
        topology.addSink("dead", "dead", new ByteArraySerializer(), new ByteArraySerializer(), "score");
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (TopologyTestDriver driver = new TopologyTestDriver(topology, new Properties())) {
            TestInputTopic<byte[], byte[]> events =
                    driver.createInputTopic("events", new ByteArraySerializer(), new ByteArraySerializer());
            TestOutputTopic<byte[], byte[]> answers = driver.createOutputTopic("answers", bytes, bytes);
            TestOutputTopic<byte[], byte[]> dead = driver.createOutputTopic("dead", bytes, bytes);
            String[] lines = new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\n");
            for (int place = 0; place < lines.length; place++) {
                String[] parts = lines[place].split("\t", -1);
                RecordHeaders headers = new RecordHeaders();
                headers.add("trace", "t1".getBytes(StandardCharsets.UTF_8));
                events.pipeInput(
                        new TestRecord<>(
                                content(parts[0]), content(parts[1]), headers, Instant.ofEpochMilli(1000 + place)));
            }
            answers.readRecordsToList().forEach(record -> print("answers", record));
            dead.readRecordsToList().forEach(record -> print("dead", record));
        }
    }

    private static byte[] content(String text) {
        return text.isEmpty() ? null : text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(byte[] content) {
        return content == null ? "" : new String(content, StandardCharsets.ISO_8859_1);
    }

    private static void print(String topic, TestRecord<byte[], byte[]> record) {
        StringBuilder line = new StringBuilder(topic);
        line.append('\t').append(text(record.key())).append('\t').append(record.timestamp());
        line.append('\t').append(text(record.value()));
        for (Header header : record.headers()) {
            line.append('\t').append(header.key()).append('=').append(text(header.value()));
        }
        new PrintStream(System.out, true, StandardCharsets.UTF_8).println(line);
    }
}
