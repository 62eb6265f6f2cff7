package headrace.jvm;

/** What computes the scores of a model; several threads may use it. */
public interface Engine extends AutoCloseable {
    /**
     * Computes the scores of one row.
     *
     * @param row a row of the matrix (p)
     * @return class probabilities (k), or a value (1)
     * @throws ModelException if the model cannot be run, or is closed
     */
    double[] score(double[] row);

    /**
     * Computes the scores of a matrix.
     *
     * @param matrix rows of the matrix (n, p), n at least 1
     * @return class probabilities (n, k), or values (n, 1)
     * @throws ModelException if the model cannot be run, or is closed
     */
    double[][] score(double[][] matrix);

    /** Waits for rows that are being scored, and gives the memory back; a second call does nothing. */
    @Override
    void close();
}
