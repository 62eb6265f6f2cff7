"""NannyML's CBPE and DLE on the windows of ``benchmarks/estimated_performance.py``; runs in NannyML's environment.

    python estimate_nannyml.py FOLDER

Each ``FOLDER/*.npz`` holds one test part and windows; its estimates with their sampling errors go to ``*.json``.
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.filterwarnings("ignore")

import nannyml  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

CLASSIFICATION = ["accuracy", "precision", "recall", "f1", "roc_auc"]
REGRESSION = ["mae", "rmse"]


def main() -> None:
    """Estimate each window of each file."""
    for path in sorted(Path(sys.argv[1]).glob("*.npz")):
        arrays = np.load(path)
        reference = _frame(arrays, "test")
        windows = [name.removesuffix("|inputs") for name in arrays.files if name.endswith("|inputs")]
        estimator = _estimator(reference, len(reference)).fit(reference)
        result = {name: _read(estimator, _frame(arrays, name)) for name in windows if name != "test"}
        path.with_suffix(".json").write_text(json.dumps(result))


def _frame(arrays: "np.lib.npyio.NpzFile", name: str) -> pd.DataFrame:
    inputs = arrays[f"{name}|inputs"]
    frame = pd.DataFrame(inputs, columns=[f"x{place}" for place in range(inputs.shape[1])])
    parts = {part: arrays[f"{name}|{part}"] for part in ("actual", "scores", "labels") if f"{name}|{part}" in arrays}
    return frame.assign(**parts)


def _estimator(reference: pd.DataFrame, size: int) -> "nannyml.CBPE | nannyml.DLE":
    if "labels" not in reference:
        names = [name for name in reference.columns if name.startswith("x")]
        return nannyml.DLE(
            feature_column_names=names, y_pred="scores", y_true="actual", metrics=REGRESSION, chunk_size=size
        )
    return nannyml.CBPE(
        metrics=CLASSIFICATION,
        y_pred_proba="scores",
        y_pred="labels",
        y_true="actual",
        problem_type="classification_binary",
        chunk_size=size,
    )


def _read(estimator: "nannyml.CBPE | nannyml.DLE", frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    table = estimator.estimate(frame.drop(columns="actual")).filter(period="analysis").to_df()
    names = REGRESSION if "labels" not in frame else CLASSIFICATION
    return {
        name: {
            "value": float(table[(name, "value")].iloc[0]),
            "error": float(table[(name, "sampling_error")].iloc[0]),
        }
        for name in names
    }


if __name__ == "__main__":
    main()
