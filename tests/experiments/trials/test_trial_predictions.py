"""Out-of-fold predictions beside a journal."""

from pathlib import Path

import numpy as np
import pytest

from headrace.core.base.errors import InputError
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.space.experiment import Objective
from headrace.experiments.trials.trial_predictions import TrialPredictions

AREA = Objective("roc_auc", "maximize")


def trial(number: int, score: float | None, status: str = "succeeded") -> Trial:
    """A trial with this score."""
    return Trial(number, f"t-{number}", "e", "logistic", {}, status, score=score)  # type: ignore[arg-type]


def values(number: int) -> np.ndarray:
    """Predictions of a trial: 80 bytes."""
    return np.full((5, 2), number / 7)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
@pytest.mark.parametrize("stored", [True, False])
def test_the_best_are_kept_whatever_the_order(tmp_path: Path, order: tuple[int, ...], stored: bool) -> None:
    """Trials end in any order, and what is kept must not depend on it; the first of equals stays."""
    scores = {0: 0.5, 1: 0.9, 2: 0.7, 3: 0.7}
    kept = TrialPredictions(AREA, folder=tmp_path / "kept" if stored else None, most_trials=2)
    for number in order:
        kept.add(trial(number, scores[number]), values(number))
    found = {number for number in scores if kept.find(trial(number, scores[number])) is not None}
    assert found == {1, 2}
    read = kept.find(trial(2, 0.7))
    assert read is not None
    assert read.tobytes() == values(2).tobytes()


def test_their_size_is_bounded_but_the_best_is_always_kept(tmp_path: Path) -> None:
    """By bytes, as well as by number."""
    kept = TrialPredictions(AREA, folder=tmp_path / "kept", most_bytes=170)
    for number in range(5):
        kept.add(trial(number, number / 10), values(number))
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["00003.npy", "00004.npy"]
    tight = TrialPredictions(AREA, most_bytes=10)
    tight.add(trial(0, 0.5), values(0))
    assert tight.find(trial(0, 0.5)) is not None


def test_trials_without_a_score_that_counts_are_not_kept(tmp_path: Path) -> None:
    """A failed one has none, one that was stopped early a partial one."""
    kept = TrialPredictions(AREA, folder=tmp_path)
    kept.add(trial(0, None, "failed"), values(0))
    kept.add(trial(1, 0.9, "early_stopped"), values(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"garbage", np.array([1, "x"], dtype=object)])
def test_a_damaged_file_counts_as_missing(tmp_path: Path, content: object) -> None:
    """Its trial is run again; nothing in it is unpickled."""
    kept = TrialPredictions(AREA, folder=tmp_path)
    kept.add(trial(0, 0.5), values(0))
    if isinstance(content, bytes):
        (tmp_path / "00000.npy").write_bytes(content)
    else:
        np.save(tmp_path / "00000.npy", content, allow_pickle=True)  # type: ignore[arg-type]
    assert kept.find(trial(0, 0.5)) is None


def test_what_another_search_left_is_deleted(tmp_path: Path) -> None:
    """Only a journal with trials says that the files are of the same search."""
    journal = tmp_path / "trials.jsonl"
    first = TrialPredictions.beside(journal, AREA, resumed=False)
    first.add(trial(0, 0.5), values(0))
    resumed = TrialPredictions.beside(journal, AREA, resumed=True)
    assert resumed.find(trial(0, 0.5)) is not None
    again = TrialPredictions.beside(journal, AREA, resumed=False)
    assert again.find(trial(0, 0.5)) is None


def test_closing_deletes_them(tmp_path: Path) -> None:
    """The search is complete."""
    kept = TrialPredictions(AREA, folder=tmp_path / "kept")
    kept.add(trial(0, 0.5), values(0))
    kept.close()
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A file is in the way."""
    (tmp_path / "kept").write_text("")
    with pytest.raises(InputError, match="cannot write in the folder"):
        TrialPredictions(AREA, folder=tmp_path / "kept").add(trial(0, 0.5), values(0))
