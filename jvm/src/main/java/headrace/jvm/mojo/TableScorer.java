package headrace.jvm.mojo;

import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** Scores matrices, large ones by several threads; rows are scored alone, so that the answers are those of one thread. */
final class TableScorer {
    private static final int ROWS_AT_ONCE = 256;

    private final List<RowScorer> scorers = new ArrayList<>();
    private final ExecutorService threads;

    TableScorer(Mojo mojo, int threadCount) {
        for (int place = 0; place < threadCount; place++) {
            scorers.add(new RowScorer(mojo));
        }
        threads =
                Executors.newCachedThreadPool(
                        work -> {
                            Thread thread = new Thread(work);
                            thread.setDaemon(true);
                            return thread;
                        });
    }

    /** Number of scores of a row. */
    int width() {
        return scorers.get(0).width();
    }

    /** Scores rows of a matrix (n, p) into scores (n, k). */
    void score(DoubleBuffer matrix, int rows, int columns, DoubleBuffer scores) throws InterruptedException {
        AtomicInteger next = new AtomicInteger();
        int helpers = Math.min(scorers.size(), (rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE) - 1;
        List<Future<Void>> helping = new ArrayList<>();
        for (int place = 1; place <= helpers; place++) {
            RowScorer scorer = scorers.get(place);
            Callable<Void> work = () -> takeParts(scorer, matrix, rows, columns, scores, next);
            helping.add(threads.submit(work));
        }
        RuntimeException failure = null;
        try {
            takeParts(scorers.get(0), matrix, rows, columns, scores, next);
        } catch (RuntimeException error) {
            failure = error;
        }
        for (Future<Void> one : helping) {
            try {
                one.get();
            } catch (ExecutionException error) {
                if (error.getCause() instanceof RuntimeException cause) {
                    failure = cause;
                } else {
                    throw new Error(error.getCause());
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static Void takeParts(
            RowScorer scorer, DoubleBuffer matrix, int rows, int columns, DoubleBuffer scores, AtomicInteger next) {
        int width = scorer.width();
        double[] part = new double[Math.min(ROWS_AT_ONCE, rows) * columns];
        double[] answers = new double[Math.min(ROWS_AT_ONCE, rows) * width];
        for (int first = next.getAndAdd(ROWS_AT_ONCE); first < rows; first = next.getAndAdd(ROWS_AT_ONCE)) {
            int count = Math.min(ROWS_AT_ONCE, rows - first);
            matrix.get(first * columns, part, 0, count * columns);
            for (int place = 0; place < count; place++) {
                scorer.score(part, place * columns, answers, place * width);
            }
            scores.put(first * width, answers, 0, count * width);
        }
        return null;
    }
}
