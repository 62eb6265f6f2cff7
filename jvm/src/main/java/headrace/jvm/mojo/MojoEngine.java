package headrace.jvm.mojo;

import headrace.jvm.Engine;
import headrace.jvm.ModelException;
import java.util.concurrent.ConcurrentLinkedDeque;

/** A MOJO of H2O, scored by h2o-genmodel without its wrapper: the contract reads the row. */
public final class MojoEngine implements Engine {
    private final Mojo mojo;
    private final ConcurrentLinkedDeque<RowScorer> idle = new ConcurrentLinkedDeque<>();
    private volatile boolean isClosed;

    /**
     * Loads a model.
     *
     * @param content bytes of {@code model.mojo}
     * @param description bytes of {@code mojo.json}
     * @param columns number of columns of the matrix
     * @param classes number of classes; 0 for a regression
     * @throws ModelException if the MOJO cannot be read, or does not fit
     */
    public MojoEngine(byte[] content, byte[] description, int columns, int classes) {
        mojo = Mojo.read(content, description);
        if (mojo.description.columns() > columns || mojo.description.classes().length != classes) {
            throw new ModelException(
                    "mojo.json must be of the contract's columns and classes; it is not: export the model again.");
        }
    }

    @Override
    public double[] score(double[] row) {
        return score(new double[][] {row})[0];
    }

    @Override
    public double[][] score(double[][] matrix) {
        if (isClosed) {
            throw new ModelException("a model must be open to score rows; it is closed.");
        }
        RowScorer kept = idle.pollFirst();
        RowScorer scorer = kept == null ? new RowScorer(mojo) : kept;
        double[][] scores = new double[matrix.length][scorer.width()];
        for (int place = 0; place < matrix.length; place++) {
            scorer.score(matrix[place], 0, scores[place], 0);
        }
        idle.addFirst(scorer);
        return scores;
    }

    @Override
    public void close() {
        isClosed = true;
        idle.clear();
    }
}
