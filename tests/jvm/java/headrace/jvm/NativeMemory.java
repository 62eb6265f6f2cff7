package headrace.jvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What a model does with memory that the garbage collector does not know: prints by how many megabytes the process grows
 * while rows are scored and while models are opened and closed, and what becomes of rows while one is closed.
 */
final class NativeMemory {
    private static final Map<String, Object> ROW = Map.of("age", 40, "spend", 12.5, "plan", "basic", "joined", "2024-03-03");

    public static void main(String[] arguments) throws Exception {
        Path jar = Path.of(arguments[0]);
        try (Model model = Model.open(jar)) {
            score(model, 20_000);
            long before = megabytes();
            score(model, 200_000);
            System.out.println("rows " + (megabytes() - before));
        }
        open(jar, 20);
        long before = megabytes();
        open(jar, 60);
        System.out.println("models " + (megabytes() - before));
        closeWhileScoring(Model.open(jar));
    }

    private static void score(Model model, int rows) {
        Object[] values = {40, 12.5, "basic", null};
        for (int row = 0; row < rows; row++) {
            model.predict(values);
            if (row % 100 == 0) {
                model.predictAll(List.of(values, values));
            }
        }
    }

    private static void open(Path jar, int times) {
        for (int turn = 0; turn < times; turn++) {
            Model model = Model.open(jar);
            model.predict(ROW);
            model.close();
            model.close();
        }
    }

    private static void closeWhileScoring(Model model) throws InterruptedException {
        AtomicInteger scored = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            Thread thread =
                    new Thread(
                            () -> {
                                try {
                                    while (model.predict(ROW).refusal() == null) {
                                        scored.incrementAndGet();
                                    }
                                } catch (ModelException error) {
                                    refused.addAndGet(error.getMessage().contains("it is closed") ? 1 : 0);
                                }
                            });
            threads.add(thread);
            thread.start();
        }
        while (scored.get() < 1000) {
            Thread.onSpinWait();
        }
        model.close();
        for (Thread thread : threads) {
            thread.join();
        }
        System.out.println("closed " + refused.get());
    }

    private static long megabytes() throws IOException {
        System.gc();
        String[] pages = Files.readString(Path.of("/proc/self/statm")).split(" ");
        return Long.parseLong(pages[1]) * 4096 >> 20;
    }
}
