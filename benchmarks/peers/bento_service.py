"""A scikit-learn model behind BentoML; the model's file stands in MODEL_FILE."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Bench:
    """A scikit-learn model."""

    def __init__(self) -> None:
        """Load the model."""
        self._model = joblib.load(os.environ["MODEL_FILE"])

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[list[float]]:
        """Probabilities of the rows."""
        return list(self._model.predict_proba(np.asarray(rows)).tolist())
