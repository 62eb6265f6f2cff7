package headrace.jvm.mojo;

import headrace.jvm.ModelException;
import hex.ModelCategory;
import hex.genmodel.CategoricalEncoding;
import hex.genmodel.MojoModel;
import hex.genmodel.MojoReaderBackendFactory;
import hex.genmodel.MojoReaderBackendFactory.CachingStrategy;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** A MOJO that fits its description. Nothing of it changes, so that several threads may score with it. */
final class Mojo {
    private static final Set<ModelCategory> CLASSIFICATIONS =
            EnumSet.of(ModelCategory.Binomial, ModelCategory.Multinomial);

    private static final Set<ModelCategory> CATEGORIES =
            EnumSet.of(
                    ModelCategory.Binomial,
                    ModelCategory.Multinomial,
                    ModelCategory.Regression,
                    ModelCategory.AnomalyDetection,
                    ModelCategory.AutoEncoder);

    /** Those whose scorers were read and tried for state: tests score with several threads. */
    private static final Set<String> ALGORITHMS =
            Set.of("gbm", "drf", "xgboost", "glm", "deeplearning", "isolationforest", "stackedensemble");

    final MojoModel model;
    final MojoDescription description;

    private Mojo(MojoModel model, MojoDescription description) {
        this.model = model;
        this.description = description;
    }

    /**
     * Reads a MOJO and its description.
     *
     * @param content bytes of {@code model.mojo}
     * @param description bytes of {@code mojo.json}
     * @throws ModelException if genmodel cannot read it, or the two do not fit
     */
    static Mojo read(byte[] content, byte[] description) {
        Mojo mojo = new Mojo(load(content), MojoDescription.read(description));
        mojo.check();
        return mojo;
    }

    private static MojoModel load(byte[] content) {
        // genmodel looks for algorithms of its extensions by the thread's class loader, which may be the engine's own.
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(Mojo.class.getClassLoader());
        try {
            return MojoModel.load(
                    MojoReaderBackendFactory.createReaderBackend(
                            new ByteArrayInputStream(content), CachingStrategy.MEMORY));
        } catch (IOException | RuntimeException error) {
            throw new ModelException(
                    "model.mojo must be a MOJO that h2o-genmodel 3.46.0.11 reads; it cannot be read: "
                            + (error.getMessage() == null ? error.getClass().getSimpleName() : error.getMessage()),
                    error);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    String algorithm() {
        return model._algoName == null ? "" : model._algoName;
    }

    boolean isClassification() {
        return CLASSIFICATIONS.contains(model.getModelCategory());
    }

    private void check() {
        if (!ALGORITHMS.contains(algorithm()) || !CATEGORIES.contains(model.getModelCategory())) {
            throw new ModelException(
                    "model.mojo must be of GBM, DRF, XGBoost, GLM, deep learning, isolation forest or a stacked ensemble;"
                            + " it is a " + model.getModelCategory() + " of " + algorithm() + ".");
        }
        if (model._offsetColumn != null || model.getCategoricalEncoding() != CategoricalEncoding.AUTO) {
            throw new ModelException(
                    "model.mojo must be trained without an offset column and with categorical_encoding AUTO; it is not.");
        }
        if (model.getModelCategory() == ModelCategory.AutoEncoder && !hasAllLevels()) {
            throw new ModelException("an autoencoder must be trained with use_all_factor_levels; model.mojo is not.");
        }
        String fault = fault();
        if (!fault.isEmpty()) {
            throw new ModelException(
                    "mojo.json must describe model.mojo; " + fault + ": package the model again.");
        }
    }

    private boolean hasAllLevels() {
        int units = 0;
        for (int place = 0; place < model.nfeatures(); place++) {
            String[] domain = model.getDomainValues(place);
            units += domain == null ? 1 : domain.length + 1;
        }
        return units == model.getPredsSize(ModelCategory.AutoEncoder);
    }

    private String fault() {
        String category = model.getModelCategory().name();
        if (!model._h2oVersion.equals(description.h2oVersion()) || !category.equals(description.category())) {
            return "the MOJO is a " + category + " of H2O " + model._h2oVersion + ", described is a "
                    + description.category() + " of " + description.h2oVersion();
        }
        List<String> names = List.of(model.getNames()).subList(0, model.nfeatures());
        if (!description.inputs().stream().map(MojoDescription.Input::name).toList().equals(names)) {
            return "the MOJO has the columns " + shorten(names) + ", described are "
                    + shorten(description.inputs().stream().map(MojoDescription.Input::name).toList());
        }
        for (int place = 0; place < names.size(); place++) {
            String[] domain = model.getDomainValues(place);
            double[] levels = description.inputs().get(place).levels();
            if ((domain == null) != (levels == null)) {
                return "the MOJO's column " + names.get(place) + " has " + (domain == null ? "numbers" : "levels")
                        + ", described are " + (levels == null ? "numbers" : "levels");
            }
            for (int item = 0; levels != null && item < levels.length; item++) {
                if (levels[item] < 0 || levels[item] >= domain.length) {
                    return "level " + (long) levels[item] + " of column " + names.get(place)
                            + " is none of the MOJO's " + domain.length;
                }
            }
        }
        int known = isClassification() ? model.nclasses() : 0;
        for (int place : description.classes()) {
            if (place >= known) {
                return "class " + place + " is none of the MOJO's " + known;
            }
        }
        return isClassification() == (description.classes().length > 0) ? "" : "it has other classes than the MOJO";
    }

    private static String shorten(List<String> names) {
        String text = names.toString();
        return text.length() > 200 ? text.substring(0, 200) + "..." : text;
    }
}
