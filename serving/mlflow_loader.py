"""A bundle behind MLflow: the loader that a bundle's ``MLmodel`` names.

MLflow brings its own environment and pandas; this module also needs what the bundle's ``requirements.txt`` lists.
"""

from pathlib import Path
from typing import Any

from headrace.serving.model.served_model import InputRows, ServedModel


class Predictor:
    """The model object that MLflow calls."""

    def __init__(self, served: ServedModel) -> None:
        """Initialize the predictor with a loaded model."""
        self._served = served
        self._inputs = {column.name: column for column in served.scorer.contract.inputs}

    def predict(self, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002 - MLflow passes both
        """Return the predictions for a table.

        Args:
            model_input: A pandas DataFrame (n rows) with the contract's inputs as columns; or a dict of arrays by
                column, or rows as a list or array, which MLflow makes of ``inputs`` and ``instances``.
            params: Not used.

        Returns:
            A pandas DataFrame (n rows) with ``label`` and ``probabilities`` (a dict by class), or ``value``: the same
            objects as in the ``predictions`` of Headrace's own server.

        Raises:
            RequestError: If the contract refuses a row.
        """
        import pandas as pd  # noqa: PLC0415 - MLflow's environment has it; Headrace's server needs none

        if isinstance(model_input, list):
            rows: InputRows = model_input
        elif hasattr(model_input, "tolist"):
            rows = model_input.tolist()
        else:
            rows = {str(name): self._values(str(name), pd.Series(values)) for name, values in model_input.items()}
        scored = self._served.predict_fast(rows) or self._served.predict_validated(rows)
        return pd.DataFrame(self._served.objects(scored))

    def _values(self, name: str, series: Any) -> list[Any]:
        """Return a column's values as JSON holds them: pandas has 1.0 for the integer 1 beside missing values."""
        column = self._inputs.get(name)
        whole = column is not None and column.dtype != "number"
        pairs = zip(series, series.isna(), strict=True)
        return [None if missing else _plain(value, whole=whole) for value, missing in pairs]


def _load_pyfunc(path: str) -> Predictor:
    """Return the predictor of a bundle: MLflow calls this by its name.

    Raises:
        BundleError: If the bundle is not intact, or its answers differ from its test cases.
    """
    return Predictor(ServedModel.open(Path(path)))


def _plain(value: Any, *, whole: bool) -> Any:
    if hasattr(value, "isoformat"):
        return str(value)
    plain = value.item() if hasattr(value, "item") else value
    return int(plain) if whole and isinstance(plain, float) and plain.is_integer() else plain
