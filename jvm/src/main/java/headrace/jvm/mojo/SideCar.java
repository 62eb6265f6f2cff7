package headrace.jvm.mojo;

import headrace.jvm.Json;
import headrace.jvm.ModelException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A process beside Python that scores matrices with a MOJO: {@code java -cp headrace-jvm.jar
 * headrace.jvm.mojo.SideCar THREADS}.
 *
 * <p>Requests come on standard input, answers go to standard output; it ends at the end of its input, so with its parent,
 * however that ends. All numbers are little-endian. First come the description and the MOJO, each after its length in 32
 * bits. A request is a header of four 32-bit numbers (magic, number, rows, columns), then the matrix as 64-bit floats. An
 * answer is a header of four (magic, number, kind, bytes), then scores as 64-bit floats, or a text in UTF-8: a sentence,
 * or, unasked at the start, facts in JSON. {@code headrace.core.mojo.side_car_frames} is the other side.
 */
public final class SideCar {
    private static final int MAGIC = 0x4D52_4448; // HDRM
    private static final int HEADER = 16;
    private static final int MOST_BYTES = 64 << 20;

    private static final int SCORES = 0;
    private static final int SENTENCE = 1;
    private static final int FACTS = 2;

    private final FileChannel input;
    private final FileChannel output;
    private final ByteBuffer header = buffer(HEADER);
    private ByteBuffer request = buffer(1 << 16);
    private ByteBuffer answer = buffer(1 << 16);

    private SideCar(FileChannel input, FileChannel output) {
        this.input = input;
        this.output = output;
    }

    /** Serves until the end of its input; the exit code is 0, or 2 after a sentence. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        FileInputStream stream = new FileInputStream(FileDescriptor.in);
        FileChannel output = new FileOutputStream(FileDescriptor.out).getChannel();
        System.setOut(System.err); // only answers may be on standard output
        SideCar sideCar = new SideCar(stream.getChannel(), output);
        try {
            byte[] description = part(stream);
            Mojo mojo = Mojo.read(part(stream), description);
            TableScorer scorer = new TableScorer(mojo, Integer.parseInt(arguments[0]));
            sideCar.tell(0, FACTS, facts(mojo));
            sideCar.serve(scorer, mojo.description.columns());
        } catch (ModelException error) {
            sideCar.tell(0, SENTENCE, error.getMessage());
            System.exit(2);
        }
        System.exit(0);
    }

    private static byte[] part(FileInputStream stream) throws IOException {
        int bytes = ByteBuffer.wrap(read(stream, Integer.BYTES)).order(ByteOrder.LITTLE_ENDIAN).getInt();
        return read(stream, Math.max(0, bytes));
    }

    /** Reads in pieces: {@code readNBytes} of a file's stream seeks, which a pipe cannot. */
    private static byte[] read(FileInputStream stream, int bytes) throws IOException {
        byte[] content = new byte[bytes];
        for (int place = 0; place < bytes; ) {
            int count = stream.read(content, place, Math.min(1 << 16, bytes - place));
            if (count < 0) {
                throw new ModelException("a side-car must be given a description and a MOJO; its input ends before.");
            }
            place += count;
        }
        return content;
    }

    private static String facts(Mojo mojo) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("algorithm", mojo.algorithm());
        facts.put("h2o_version", mojo.model._h2oVersion);
        facts.put("java", System.getProperty("java.version"));
        return Json.write(facts);
    }

    private void serve(TableScorer scorer, int leastColumns) throws IOException, InterruptedException {
        while (fill(header.clear())) {
            int magic = header.getInt(0);
            int number = header.getInt(4);
            int rows = header.getInt(8);
            int columns = header.getInt(12);
            long bytes = 8L * rows * columns;
            long answered = 8L * rows * scorer.width();
            if (magic != MAGIC || rows < 1 || columns < leastColumns || Math.max(bytes, answered) > MOST_BYTES) {
                throw new ModelException(
                        "a request must have the magic number, at least 1 row and " + leastColumns
                                + " columns, and at most " + MOST_BYTES + " bytes; it has " + rows + " rows and "
                                + columns + " columns.");
            }
            request = room(request, (int) bytes);
            if (!fill(request)) {
                return;
            }
            answer = room(answer, HEADER + (int) answered);
            try {
                scorer.score(
                        request.flip().asDoubleBuffer().duplicate(),
                        rows,
                        columns,
                        answer.duplicate().order(ByteOrder.LITTLE_ENDIAN).position(HEADER).asDoubleBuffer());
                head(number, SCORES, (int) answered);
                write(answer);
            } catch (ModelException error) {
                tell(number, SENTENCE, error.getMessage());
            }
        }
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Returns a cleared buffer whose limit is a number of bytes: the same one, if it is large enough. */
    private static ByteBuffer room(ByteBuffer kept, int bytes) {
        ByteBuffer roomy = kept.capacity() < bytes ? buffer(bytes) : kept;
        return roomy.clear().limit(bytes);
    }

    /** Reads until a buffer is full; false at the end of the input. */
    private boolean fill(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (input.read(buffer) < 0) {
                return false;
            }
        }
        return true;
    }

    private void head(int number, int kind, int bytes) {
        answer.putInt(0, MAGIC).putInt(4, number).putInt(8, kind).putInt(12, bytes);
    }

    private void tell(int number, int kind, String text) throws IOException {
        byte[] content = text.getBytes(StandardCharsets.UTF_8);
        answer = room(answer, HEADER + content.length);
        head(number, kind, content.length);
        answer.put(HEADER, content);
        write(answer);
    }

    private void write(ByteBuffer content) throws IOException {
        content.position(0);
        while (content.hasRemaining()) {
            output.write(content);
        }
    }
}
