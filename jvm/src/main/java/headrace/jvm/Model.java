package headrace.jvm;

import headrace.jvm.mojo.MojoEngine;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * A model that `headrace export MODEL --to jvm` wrote: rows in, predictions out. Several threads may use it.
 *
 * <p>It answers its bundle's own cases when it is opened, and is refused if an answer is wrong.
 */
public final class Model implements AutoCloseable {
    /** Folder of a jar below which each model has a folder of its name. */
    private static final String ROOT = "META-INF/headrace/";

    /** Each jar with a model names it there. */
    private static final String INDEX = ROOT + "model.txt";

    private final ScoringPlan plan;
    private final Engine engine;
    private final RowEncoder encoder;
    private final Cases cases;

    private Model(ModelFiles files) throws IOException {
        plan = ScoringPlan.read(Json.parse(files.read("plan.json")));
        engine = engine(plan, files);
        encoder = new RowEncoder(plan);
        try {
            cases = Cases.read(Json.parse(files.read("cases.json")));
            String difference = cases.difference(this);
            if (!difference.isEmpty()) {
                throw new ModelException(
                        "the model " + plan.name() + " must answer its own cases as its bundle says; " + difference
                                + ".");
            }
        } catch (IOException | RuntimeException error) {
            engine.close();
            throw error;
        }
    }

    private static Engine engine(ScoringPlan plan, ModelFiles files) throws IOException {
        int columns = plan.matrix().length;
        int classes = plan.classes().size();
        return switch (plan.engine()) {
            case "onnx" -> new OnnxEngine(files.read("model.onnx"), columns, classes);
            case "mojo" -> new MojoEngine(files.read("model.mojo"), files.read("mojo.json"), columns, classes);
            default -> throw new ModelException(
                    "the engine of a model must be onnx or mojo; got " + plan.engine() + " instead: export it again.");
        };
    }

    /** Reads one file of a model, by its name. */
    private interface ModelFiles {
        byte[] read(String name) throws IOException;
    }

    /**
     * Opens a model of the class path.
     *
     * @param name its name; empty for the only one
     * @throws ModelException if there is none, or several of that name, or it cannot be used
     */
    public static Model named(String name) {
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        List<String> names = loader == null ? List.of() : names(loader);
        if (names.isEmpty()) {
            loader = Model.class.getClassLoader();
            names = names(loader);
        }
        List<String> fitting = names.stream().filter(found -> name.isEmpty() || found.equals(name)).toList();
        if (fitting.size() != 1) {
            throw new ModelException(
                    "the class path must hold exactly one model" + (name.isEmpty() ? "" : " named " + name)
                            + "; it holds " + (names.isEmpty() ? "none" : new TreeSet<>(names))
                            + ": add the jar of `headrace export`"
                            + (name.isEmpty() ? ", or name the model." : " once."));
        }
        ClassLoader found = loader;
        String folder = ROOT + fitting.get(0) + "/";
        return open(
                file -> {
                    try (InputStream stream = found.getResourceAsStream(folder + file)) {
                        if (stream == null) {
                            throw new IOException("the jar has no " + folder + file);
                        }
                        return stream.readAllBytes();
                    }
                },
                "the model " + fitting.get(0));
    }

    private static List<String> names(ClassLoader loader) {
        List<String> names = new ArrayList<>();
        try {
            Enumeration<URL> found = loader.getResources(INDEX);
            while (found.hasMoreElements()) {
                try (InputStream stream = found.nextElement().openStream()) {
                    names.add(new String(stream.readAllBytes(), StandardCharsets.UTF_8).trim());
                }
            }
        } catch (IOException error) {
            throw new ModelException("the class path must be readable; it is not.", error);
        }
        return names;
    }

    /**
     * Opens a model of a jar, or of a folder that holds the files of one.
     *
     * @throws ModelException if it cannot be read or used
     */
    public static Model open(Path path) {
        if (Files.isDirectory(path)) {
            return open(file -> Files.readAllBytes(path.resolve(file)), path.toString());
        }
        try (ZipFile jar = new ZipFile(path.toFile())) {
            String name = new String(entry(jar, INDEX), StandardCharsets.UTF_8).trim();
            return open(file -> entry(jar, ROOT + name + "/" + file), path.toString());
        } catch (IOException error) {
            throw new ModelException(
                    path + " must be a jar of `headrace export`, or a folder with its files; it cannot be read: "
                            + error.getMessage(),
                    error);
        }
    }

    private static byte[] entry(ZipFile jar, String name) throws IOException {
        ZipEntry entry = jar.getEntry(name);
        if (entry == null) {
            throw new IOException("it has no " + name);
        }
        try (InputStream stream = jar.getInputStream(entry)) {
            return stream.readAllBytes();
        }
    }

    private static Model open(ModelFiles files, String source) {
        try {
            return new Model(files);
        } catch (IOException error) {
            throw new ModelException(
                    source + " must hold a model of `headrace export`; it cannot be read: " + error.getMessage(),
                    error);
        }
    }

    /**
     * Opens a model as options of SQL name it.
     *
     * @param name name of the model; empty for the only one
     * @param path jar or folder; empty for the class path
     */
    public static Model open(String name, String path) {
        return path.isEmpty() ? named(name) : open(Path.of(path));
    }

    /** Name of the model. */
    public String name() {
        return plan.name();
    }

    /** SHA-256 that names its bundle. */
    public String digest() {
        return plan.digest();
    }

    /** {@code binary}, {@code multiclass}, {@code regression} or {@code anomaly}. */
    public String task() {
        return plan.task();
    }

    /** Class labels in the order of the probabilities; empty where the model answers a number. */
    public List<String> classes() {
        return plan.classes();
    }

    /** Whether it answers anomaly scores and alerts. */
    public boolean isAnomalyTask() {
        return plan.task().equals("anomaly");
    }

    /** Place of the class whose probability is reported for a binary task. */
    public int positive() {
        return plan.positive();
    }

    /** Names of the columns that a row must hold, in order. */
    public List<String> inputs() {
        return plan.inputs().stream().map(ScoringPlan.Input::name).toList();
    }

    /** Number of cases that were answered when the model was opened. */
    public int caseCount() {
        return cases.count();
    }

    /** The encoder of its rows. */
    public RowEncoder encoder() {
        return encoder;
    }

    /**
     * Predicts one row, by column name.
     *
     * @param row values as SQL or JSON gives them; columns of the contract that are no inputs are ignored
     * @return a prediction, or a refusal; a bad row raises nothing
     */
    public Prediction predict(Map<String, ?> row) {
        return predict(encoder.encode(row));
    }

    /**
     * Predicts one row, with its values in the order of {@link #inputs()}.
     *
     * @return a prediction, or a refusal; a bad row raises nothing
     */
    public Prediction predict(Object... values) {
        return predict(encoder.encode(values));
    }

    private Prediction predict(RowEncoder.Encoded row) {
        if (row.refusal() != null) {
            return Prediction.refused(row.violations(), row.refusal());
        }
        return answer(engine.score(row.matrix()), row.violations());
    }

    /** Predicts rows of values in the order of the inputs, with one call of the engine. */
    public List<Prediction> predictAll(List<Object[]> rows) {
        List<RowEncoder.Encoded> encoded = rows.stream().map(encoder::encode).toList();
        double[][] matrix =
                encoded.stream().map(RowEncoder.Encoded::matrix).filter(row -> row != null).toArray(double[][]::new);
        double[][] scores = matrix.length == 0 ? matrix : engine.score(matrix);
        List<Prediction> predictions = new ArrayList<>(rows.size());
        int place = 0;
        for (RowEncoder.Encoded row : encoded) {
            predictions.add(
                    row.refusal() != null
                            ? Prediction.refused(row.violations(), row.refusal())
                            : answer(scores[place++], row.violations()));
        }
        return predictions;
    }

    private Prediction answer(double[] scores, List<Violation> violations) {
        for (double score : scores) {
            if (!Double.isFinite(score)) {
                String sentence = "the row has no finite answer; its values must be nearer to those of the data.";
                return Prediction.refused(new Violation("answer", "", sentence));
            }
        }
        if (plan.classes().isEmpty()) {
            Boolean alert = isAnomalyTask() ? scores[0] >= plan.threshold() : null;
            return new Prediction(null, null, scores[0], alert, violations, null);
        }
        return new Prediction(plan.classes().get(chosen(scores)), scores, null, null, violations, null);
    }

    private int chosen(double[] probabilities) {
        if (plan.task().equals("binary")) {
            return probabilities[plan.positive()] >= plan.threshold() ? plan.positive() : 1 - plan.positive();
        }
        int chosen = 0;
        for (int place = 1; place < probabilities.length; place++) {
            chosen = probabilities[place] > probabilities[chosen] ? place : chosen;
        }
        return chosen;
    }

    /** Gives the memory of the engine back, once no thread uses it; a second call does nothing. */
    @Override
    public void close() {
        engine.close();
    }
}
