"""What the scripts of the quality benchmark share: the cell that is asked for, and the answer.

In: one argument, JSON with ``train``, ``test`` (CSV files), ``target``, ``task``, ``seconds``, ``seed``, ``cores``,
``preset`` and ``folder``. Out: ``folder/answer.json``.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 200  # single rows whose predictions are timed


def asked() -> dict[str, Any]:
    """The cell."""
    found: dict[str, Any] = json.loads(sys.argv[1])
    return found


def frames(cell: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Inputs and target of the training rows, and the inputs of the test rows; texts of classes are texts."""
    import pandas as pd

    kinds = {} if cell["task"] == "regression" else {cell["target"]: str}
    train = pd.read_csv(cell["train"], dtype=kinds, keep_default_na=False, na_values=[""])
    test = pd.read_csv(cell["test"], dtype=kinds, keep_default_na=False, na_values=[""])
    return train.drop(columns=cell["target"]), train[cell["target"]], test.drop(columns=cell["target"])


def rows_per_second(predict: Callable[[int], Any], rows: int) -> float:
    """Predictions of one row per second, by the median time of a call after ten for warmth."""
    seconds = []
    for place in range(10 + ROWS):
        began = time.perf_counter()
        predict(place % rows)
        seconds.append(time.perf_counter() - began)
    return 1 / sorted(seconds[10:])[ROWS // 2]


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return (
        path.stat().st_size if path.is_file() else sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    )


def answer(cell: dict[str, Any], **facts: Any) -> None:
    """Write the answer: ``seconds``, ``classes``, ``predictions`` (m, k) or (m,), ``rows_per_second``, ``bytes``."""
    path = Path(cell["folder"]) / "answer.json"
    path.with_suffix(".part").write_text(json.dumps(facts))
    path.with_suffix(".part").replace(path)
