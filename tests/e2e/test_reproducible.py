"""The same run twice gives the same model; luck is not taken for skill."""

from pathlib import Path

import pytest

from headrace.pipelines.local.summary import Summary
from tests.conftest import Line, headrace, write_table

pytestmark = pytest.mark.slow


def _run(table: Path, home: Path, *more: str) -> Summary:
    ended = headrace("run", str(table), "--target", "churn", "--budget", "3", "--output", str(home), *more, fresh=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return Summary.model_validate_json((home / "summary.json").read_text())


def test_the_same_run_gives_the_same_digest(line: Line, tmp_path: Path) -> None:
    """Inputs, parameters and versions decide the model's bytes; time, place and hash seeds do not."""
    first = Summary.model_validate_json((line.home / "summary.json").read_text())
    again = _run(line.table, tmp_path / "again")
    assert first.model is not None
    assert again.model is not None
    assert again.model.digest == first.model.digest


@pytest.mark.parametrize("seed", [11, pytest.param(12, marks=pytest.mark.exhaustive)])
def test_random_labels_teach_nothing(tmp_path: Path, seed: int) -> None:
    """Through the whole line the interval of the AUC holds 0.5, and the verdict is not to promote."""
    table = write_table(tmp_path / "noise.csv", seed=seed, shuffled=True)
    summary = _run(table, tmp_path / "out")
    auc = summary.metrics["roc_auc"]
    assert auc.low <= 0.5 <= auc.high
    assert summary.verdict in {"hold", "reject"}
