"""Types that a model file may hold: those of Headrace's own families, each reviewed, and trees that stay in bounds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headrace.core.base.errors import BundleError

# Plain data: loading them calls nothing that the file names.
_PLAIN = {
    "builtins.dict",
    "builtins.float",
    "builtins.int",
    "builtins.list",
    "builtins.slice",
    "builtins.str",
    "builtins.tuple",
    "numpy.dtype",
    "numpy.float64",
    "numpy.int64",
    "numpy.ndarray",
    "numpy.uint64",
    "numpy.random._generator.Generator",
    "numpy.random.mtrand.RandomState",
}

# Parts of the families. ColumnTransformer turns "passthrough" into a FunctionTransformer; the function that it could
# carry has a type that is not listed. A Tree or TreePredictor may hold indices that point outside itself, which
# scikit-learn follows unchecked: `check_trees` checks them.
_FITTED = {
    "headrace.core.models.boosting.boosted_trees.BoostedTreesClassifier",
    "headrace.core.models.boosting.boosted_trees.BoostedTreesRegressor",
    "headrace.core.models.ensembles.ensemble_estimator.EnsembleClassifier",
    "headrace.core.models.ensembles.ensemble_estimator.EnsembleRegressor",
    "headrace.core.models.anomaly.robust_covariance.RobustCovariance",
    "headrace.core.models.series.direct_linear.DirectRidge",
    "headrace.core.models.networks.network_anomaly.NetworkAnomaly",
    "headrace.core.models.networks.network_estimator.NetworkClassifier",
    "headrace.core.models.networks.network_estimator.NetworkRegressor",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfPoissonLoss",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss._loss.CyPinballLoss",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.PinballLoss",
    "sklearn.compose._column_transformer.ColumnTransformer",
    "sklearn.compose._target.TransformedTargetRegressor",
    "sklearn.dummy.DummyClassifier",
    "sklearn.dummy.DummyRegressor",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.ensemble._forest.RandomForestRegressor",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.ensemble._iforest.IsolationForest",
    "sklearn.impute._base.SimpleImputer",
    "sklearn.linear_model._glm.glm.PoissonRegressor",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.linear_model._quantile.QuantileRegressor",
    "sklearn.linear_model._ridge.Ridge",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.neighbors._classification.KNeighborsClassifier",
    "sklearn.neighbors._regression.KNeighborsRegressor",
    "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
    "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.pipeline.Pipeline",
    "sklearn.model_selection._split.KFold",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._encoders.OneHotEncoder",
    "sklearn.preprocessing._encoders.OrdinalEncoder",
    "sklearn.preprocessing._function_transformer.FunctionTransformer",
    "sklearn.preprocessing._label.LabelBinarizer",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.preprocessing._target_encoder.TargetEncoder",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._classes.DecisionTreeRegressor",
    "sklearn.tree._tree.Tree",
}

# Parts of imported models only: they keep arrays and plain values, and compute with them.
_IMPORTED = {
    "headrace.core.inference.onnx_estimator.OnnxClassifier",
    "headrace.core.inference.onnx_estimator.OnnxRegressor",
    "numpy.bool",
    "numpy.float32",
    "numpy.int32",
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._forest.ExtraTreesRegressor",
    "sklearn.ensemble._gb.GradientBoostingClassifier",
    "sklearn.ensemble._gb.GradientBoostingRegressor",
    "sklearn.linear_model._base.LinearRegression",
    "sklearn.linear_model._coordinate_descent.ElasticNet",
    "sklearn.linear_model._coordinate_descent.Lasso",
    "sklearn.preprocessing._data.MaxAbsScaler",
    "sklearn.preprocessing._data.MinMaxScaler",
    "sklearn.preprocessing._data.RobustScaler",
    "sklearn.tree._classes.ExtraTreeClassifier",
    "sklearn.tree._classes.ExtraTreeRegressor",
}
TRUSTED = frozenset(_PLAIN | _FITTED | _IMPORTED)

_WORDS_OF_A_SET = 8  # of 32 bits: scikit-learn reads that many, whatever the array holds

# Loaders of skops that are safe; the others look up functions and methods by name.
_LOADERS = frozenset(
    f"{kind}Node"
    for kind in (
        *("DType", "Dict", "Json", "List", "Loss", "NdArray", "Object"),
        *("RandomGenerator", "RandomState", "Slice", "Tree", "Tuple", "Type"),
    )
)


def find_untrusted(schema: Any) -> list[str]:
    """List the types and loaders in a skops schema that are not trusted, sorted.

    Args:
        schema: The parsed ``schema.json``.
    """
    untrusted = set()
    for node in _nodes(schema):
        name = f"{node.get('__module__')}.{node.get('__class__')}"
        loader = node.get("__loader__")
        # skops reads only the text of a JSON node, never its class.
        if loader != "JsonNode" and name not in TRUSTED:
            untrusted.add(name)
        if loader is not None and loader not in _LOADERS:
            untrusted.add(str(loader))
    return sorted(untrusted)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _nodes(item)
    elif isinstance(value, dict):
        if "__class__" in value or "__loader__" in value:
            yield value
        for item in value.values():
            yield from _nodes(item)


def check_trees(pipeline: Any) -> None:
    """Raise if a tree of the pipeline points outside itself or outside a row.

    Raises:
        BundleError: If a tree does, or if this is not a pipeline of Headrace.
    """
    _check_steps(pipeline)
    if not all(map(_trees_fit, _estimators(pipeline[-1]))):
        raise BundleError("the trees in model.skops must point at their own nodes only; fetch the model again.")


def _check_steps(pipeline: Any) -> None:
    if not isinstance(pipeline, Pipeline) or [name for name, _ in pipeline.steps] != ["prepare", "estimator"]:
        raise BundleError("model.skops must hold a pipeline of the steps 'prepare' and 'estimator'.")


def _estimators(estimator: Any) -> Iterator[Any]:
    """Yield an estimator, and those that it holds."""
    yield estimator
    inner = getattr(estimator, "regressor_", None)
    if inner is not None:
        yield from _estimators(inner)
    for member in getattr(estimator, "members_", ()):
        _check_steps(member)
        yield from _estimators(member[-1])


def _trees_fit(estimator: Any) -> bool:
    width = getattr(estimator, "n_features_in_", 0)
    kind = type(estimator).__name__
    if kind.startswith(("DecisionTree", "ExtraTreeC", "ExtraTreeR")):
        return _tree_fits(estimator.tree_, width)
    if kind.startswith(("RandomForest", "ExtraTrees", "GradientBoosting")):
        trees = np.asarray(estimator.estimators_, dtype=object).ravel()
        return all(tree.n_features_in_ == width and _tree_fits(tree.tree_, width) for tree in trees)
    if kind == "IsolationForest":
        return _isolation_forest_fits(estimator, width)
    if kind.startswith("HistGradientBoosting"):
        rounds = estimator._predictors  # noqa: SLF001 - scikit-learn has no public attribute for its trees
        return all(_nodes_fit(tree.nodes, width) for trees in rounds for tree in trees)
    if kind.startswith("BoostedTrees"):
        return _boosted_trees_fit(estimator, width)
    return True


def _isolation_forest_fits(estimator: Any, width: int) -> bool:
    """Return whether each tree stays in bounds, sees all columns, and has a depth for each of its nodes."""
    trees = [tree.tree_ for tree in estimator.estimators_]
    depths = (estimator._decision_path_lengths, estimator._average_path_length_per_tree)  # noqa: SLF001 - its leaves
    of_trees = [*depths, estimator.estimators_features_]
    return all(len(values) == len(trees) for values in of_trees) and all(
        _tree_fits(tree, width) and all(np.shape(values[place]) == (tree.node_count,) for values in depths)
        for place, tree in enumerate(trees)
    )


def _tree_fits(tree: Any, width: int) -> bool:
    if tree.node_count > tree.capacity:
        return False
    inner = tree.children_left != -1
    return _in_bounds(inner, (tree.children_left, tree.children_right), tree.feature, width)


def _boosted_trees_fit(estimator: Any, width: int) -> bool:
    """Return whether each round has a tree for each sum, and each tree its nodes and sets of categories in bounds."""
    sums = len(estimator._baseline_prediction)  # noqa: SLF001 - named as scikit-learn names it
    rounds = estimator._predictors  # noqa: SLF001 - as above
    return all(len(trees) == sums and all(_predictor_fits(tree, width) for tree in trees) for trees in rounds)


def _predictor_fits(predictor: Any, width: int) -> bool:
    nodes, sets = predictor.nodes, predictor.raw_left_cat_bitsets
    if sets.ndim != 2 or sets.shape[1] != _WORDS_OF_A_SET or sets.dtype != np.uint32:
        return False
    asks = nodes["is_categorical"] != 0
    return bool((nodes["bitset_idx"][asks] < len(sets)).all()) and _nodes_fit(nodes, width, sets=True)


def _nodes_fit(nodes: Any, width: int, *, sets: bool = False) -> bool:
    inner = nodes["is_leaf"] == 0
    if (nodes["is_categorical"].any() and not sets) or len(nodes) == 0:
        return False
    return _in_bounds(inner, (nodes["left"], nodes["right"]), nodes["feature_idx"], width)


def _in_bounds(inner: Any, children: tuple[Any, Any], features: Any, width: int) -> bool:
    """Return whether inner nodes point only at later nodes, so that no walk is endless, and at columns of the row."""
    own = np.arange(len(inner))[inner]
    later = all(((child[inner] > own) & (child[inner] < len(inner))).all() for child in children)
    feature = np.asarray(features, dtype=np.int64)[inner]
    return bool(later and ((feature >= 0) & (feature < width)).all())
