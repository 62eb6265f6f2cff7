package headrace.jvm.kafka;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.streams.processor.api.Record;

/**
 * What a producer of Kafka Streams takes: a record that is larger ends the whole application, each time it is started.
 *
 * @param largest {@code max.request.size} of the producer, in bytes
 */
record RecordSizes(long largest) {
    private static final long DEFAULT = 1_048_576;

    /** More than a batch of one record, and the lengths of its parts, take. */
    private static final long OVERHEAD = 128;

    private static final long OVERHEAD_OF_A_HEADER = 10;

    /** Reads the configuration of an application, whose names may begin with {@code producer.}. */
    static RecordSizes of(Map<String, Object> configuration) {
        Object own = configuration.get("producer.max.request.size");
        Object size = own == null ? configuration.get("max.request.size") : own;
        return new RecordSizes(size == null ? DEFAULT : Long.parseLong(size.toString().trim()));
    }

    boolean fits(Record<byte[], byte[]> record) {
        long size = OVERHEAD + length(record.key()) + length(record.value());
        for (Header header : record.headers()) {
            size += OVERHEAD_OF_A_HEADER + header.key().getBytes(StandardCharsets.UTF_8).length + length(header.value());
        }
        return size <= largest;
    }

    private static long length(byte[] content) {
        return content == null ? 0 : content.length;
    }
}
