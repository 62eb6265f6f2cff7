package headrace.jvm.mojo;

import headrace.jvm.ModelException;
import hex.ModelCategory;
import hex.genmodel.MojoModel;
import hex.genmodel.algos.deeplearning.DeeplearningMojoModel;
import java.util.Arrays;

/** Scores one row after the other, for one thread: its arrays are kept. */
final class RowScorer {
    private final MojoModel model;
    private final int[] columns;
    private final double[][] levels;
    private final int[] classes;
    private final DeeplearningMojoModel autoencoder;
    private final double[] row;
    private final double[] predictions;
    private final double[] original;

    RowScorer(Mojo mojo) {
        model = mojo.model;
        columns = mojo.description.inputs().stream().mapToInt(MojoDescription.Input::column).toArray();
        levels = mojo.description.inputs().stream().map(MojoDescription.Input::levels).toArray(double[][]::new);
        classes = mojo.description.classes();
        ModelCategory category = model.getModelCategory();
        autoencoder = category == ModelCategory.AutoEncoder ? (DeeplearningMojoModel) model : null;
        row = new double[columns.length];
        predictions = new double[model.getPredsSize(category)];
        original = new double[autoencoder == null ? 0 : predictions.length];
    }

    /** Number of scores of a row: classes, or 1. */
    int width() {
        return Math.max(1, classes.length);
    }

    /**
     * Scores a row. H2O's own exception for a row without a finite answer gives NaN.
     *
     * @param matrix rows of the matrix, one after the other
     * @param from place of the first number of the row
     * @param scores where class probabilities, or a value, are put
     * @param at place of the first of them
     */
    void score(double[] matrix, int from, double[] scores, int at) {
        for (int place = 0; place < row.length; place++) {
            double value = matrix[from + columns[place]];
            row[place] = levels[place] == null ? value : level(place, value);
        }
        try {
            if (autoencoder != null) {
                scores[at] = reconstructionError();
                return;
            }
            // Some models put means into the row where values are missing; it is filled anew each time.
            model.score0(row, predictions);
        } catch (RuntimeException error) {
            if (error.getClass() != RuntimeException.class) {
                throw error;
            }
            Arrays.fill(predictions, Double.NaN);
        }
        if (classes.length == 0) {
            scores[at] = predictions[0];
        }
        for (int place = 0; place < classes.length; place++) {
            scores[at + place] = classes[place] < 0 ? 0.0 : predictions[1 + classes[place]];
        }
    }

    private double level(int place, double category) {
        if (!(category >= 0)) {
            return Double.NaN; // missing, or not seen in training
        }
        if (category >= levels[place].length) {
            throw new ModelException(
                    "column " + columns[place] + " of the matrix must hold categories below " + levels[place].length
                            + "; got " + category + " instead.");
        }
        return levels[place][(int) category];
    }

    /**
     * Mean square over the network's inputs, on H2O's normalised scale. A missing number counts as the mean, which the
     * network takes for it; h2o-genmodel's wrapper would give NaN.
     */
    private double reconstructionError() {
        double[] reconstructed = model.score0(row, predictions);
        Arrays.fill(original, 0);
        int at = 0;
        for (int place = 0; place < row.length; place++) {
            if (levels[place] != null) {
                int last = model._domains[place].length;
                original[at + (Double.isNaN(row[place]) ? last : (int) row[place])] = 1;
                at += last + 1;
            } else {
                int number = place - autoencoder._cats;
                boolean isMissing = Double.isNaN(row[place]);
                original[at++] = isMissing && autoencoder._normsub != null ? autoencoder._normsub[number] : row[place];
            }
        }
        return autoencoder.calculateReconstructionErrorPerRowData(original, reconstructed);
    }
}
