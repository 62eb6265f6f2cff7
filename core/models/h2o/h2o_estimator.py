"""An estimator that H2O fits, and that predicts by its MOJO."""

import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from headrace.core.base.errors import InternalError
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models.h2o.h2o_server import open_session
from headrace.core.models.h2o.h2o_table import H2OTable
from headrace.core.mojo import mojo_archive
from headrace.core.mojo.mojo_description import MojoDescription
from headrace.core.mojo.mojo_engine import MojoEngine

_TABLE = "headrace"
_AUTOML = ("DRF", "GBM", "GLM", "StackedEnsemble")
"""Algorithms of AutoML whose models are the same each time, and whose MOJO ``core.mojo`` reads."""
_AUTOML_FOLDS = 5
_CLASSES_OF_CLIENT = {
    "gbm": "H2OGradientBoostingEstimator",
    "glm": "H2OGeneralizedLinearEstimator",
    "deeplearning": "H2ODeepLearningEstimator",
    "isolationforest": "H2OIsolationForestEstimator",
    "autoencoder": "H2OAutoEncoderEstimator",
}


Floats = NDArray[np.float64]


class MojoEstimator(BaseEstimator):  # type: ignore[misc]
    """A fitted model of H2O: a MOJO, which a Java process beside this one scores.

    Attributes:
        mojo_: The archive.
        description_: What it takes and gives.
        classes_: Places (k,) of the classes that it was fitted on, in the contract's order; only of a classification.
    """

    def __init__(self, mojo: bytes = b"", description: MojoDescription | None = None) -> None:
        """Take a MOJO.

        Args:
            mojo: The archive, checked by ``mojo_archive.read``.
            description: What it takes and gives.
        """
        self.mojo = mojo
        self.description = description
        self._opening = threading.Lock()
        self._engine: MojoEngine | None = None
        if description is not None:
            self._take(mojo, description)

    def fit(self, *_: Any) -> Self:
        """Raise, for a MOJO holds no way to fit it again; scikit-learn's pipeline asks for this method.

        Raises:
            InternalError: Always.
        """
        raise InternalError("a MOJO is fitted already; build the pipeline of its family to fit another one.")

    def predict(self, matrix: Matrix) -> Floats:
        """Predict numbers (n,) for a matrix (n, p); of a regression, or how unusual each row is."""
        return self._scores(matrix)

    def predict_proba(self, matrix: Matrix) -> Floats:
        """Predict probabilities (n, k) of ``classes_`` for a matrix (n, p)."""
        scores: Floats = self._scores(matrix)[:, self.classes_]
        return scores

    def _take(self, mojo: bytes, description: MojoDescription) -> None:
        self.mojo_, self.description_ = mojo, description
        if description.classes:
            self.classes_ = np.flatnonzero([place is not None for place in description.classes])

    def _scores(self, matrix: Matrix) -> Floats:
        with self._opening:
            if self._engine is None:
                self._engine = MojoEngine(self.mojo_, self.description_, threads=1)
        return self._engine.predict(matrix)


class H2OEstimator(MojoEstimator):
    """A model that H2O fits."""

    def __init__(self, algorithm: str, table: H2OTable, values: Mapping[str, Any], seed: int) -> None:
        """Take what is to be fitted.

        Args:
            algorithm: ``gbm``, ``glm``, ``deeplearning``, ``automl``, ``isolationforest`` or ``autoencoder``.
            table: How the matrix is sent to H2O.
            values: Parameters of H2O's client.
            seed: Seed of everything random in the fit.
        """
        super().__init__()
        self.algorithm = algorithm
        self.table = table
        self.values = values
        self.seed = seed

    def fit(self, matrix: Matrix, target: Target | None = None) -> Self:
        """Fit the model on a matrix (n, p) and an encoded target (n,), and keep its MOJO.

        Those that find anomalies do not look at the target.

        Raises:
            InputError: If H2O cannot be started.
            DataError: If H2O refuses the rows or the parameters.
        """
        with open_session() as (h2o, folder), tempfile.TemporaryDirectory(dir=folder) as scratch:
            path = Path(scratch) / "rows.csv"
            types = self.table.write(matrix, target, path)
            rows = h2o.upload_file(str(path), destination_frame=_TABLE, header=1, sep=",", col_types=types)
            path.unlink()
            given: dict[str, Any] = {"x": list(self.table.names), "training_frame": rows}
            if self.table.target is not None:
                given["y"] = self.table.target
            model = self._fit_by_automl(h2o, given) if self.algorithm == "automl" else self._fit_alone(h2o, given)
            mojo = mojo_archive.normalize(Path(model.download_mojo(scratch)).read_bytes())
        classes = int(target.max()) + 1 if self.table.classify and target is not None else 0
        self._take(mojo, self.table.describe(mojo_archive.read(mojo), classes=classes))
        return self

    def _fit_alone(self, h2o: Any, given: Mapping[str, Any]) -> Any:
        values = dict(self.values)
        if self.algorithm == "glm":
            values["family"] = self._glm_family(given)
        model = getattr(h2o.estimators, _CLASSES_OF_CLIENT[self.algorithm])(seed=self.seed, **values)
        model.train(**given)
        return model

    def _glm_family(self, given: Mapping[str, Any]) -> str:
        if not self.table.classify:
            return "gaussian"
        # A fold may lack a class.
        return "binomial" if given["training_frame"][given["y"]].nlevels() == [2] else "multinomial"

    def _fit_by_automl(self, h2o: Any, given: Mapping[str, Any]) -> Any:
        search = h2o.automl.H2OAutoML(
            seed=self.seed, nfolds=_AUTOML_FOLDS, include_algos=list(_AUTOML), project_name=_TABLE, **self.values
        )
        search.train(**given)
        return search.leader
