"""Networks: the process that fits them, its checkpoints, and the graph that is kept."""

import hashlib
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import DataError, InputError, InternalError
from headrace.core.contracts.contract import Column
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import families, fitted_model, fitting, skops_file
from headrace.core.models.networks import checkpoint_folders, network_estimator, training_process
from headrace.core.runtime import step_events

SMALL = {"filters": 4, "epochs": 4, "batch_size": 16, "learning_rate": 0.01}


def picture(side: int = 8) -> list[MatrixColumn]:
    """The columns of a matrix that holds one grey picture."""
    column = Column("picture", "picture", height=side, width=side, channels=1, augment=("shift", "noise"))
    return [MatrixColumn(f"picture[{place}]", part_of=column) for place in range(side * side)]


def bars(rows: int, side: int = 8, seed: int = 0) -> tuple[Any, Any]:
    """Pictures (n, side * side) of a bar that lies (0) or stands (1), and which of both."""
    random = np.random.default_rng(seed)
    target = random.integers(0, 2, rows)
    pictures = random.integers(0, 60, (rows, side, side)).astype(np.float64)
    for image, stands, place in zip(pictures, target, random.integers(1, side - 1, rows), strict=True):
        image[(slice(None), place) if stands else (place, slice(None))] = 250.0
    return pictures.reshape(rows, -1), target.astype(np.int64)


def fit(values: dict[str, Any] | None = None, rows: int = 96, task: Any = "binary") -> Any:
    """A fitted pipeline."""
    pipeline = families.family("cnn").build(picture(), task=task, parameters=values or SMALL, seed=0)
    matrix, target = bars(rows)
    fitting.fit(pipeline, matrix, target if task == "binary" else target * 1000.0 + 5000.0)
    return pipeline


@pytest.fixture
def checkpoints(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of checkpoints: one for all tests, for what is compiled is kept there."""
    folder = tmp_path_factory.getbasetemp() / "checkpoints"
    monkeypatch.setenv("HEADRACE_CHECKPOINTS", str(folder))
    return folder


@pytest.mark.slow
def test_fit_that_was_killed_goes_on_and_ends_with_the_same_bytes(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL of the process in the third epoch; the next fit begins after the last whole one."""
    monkeypatch.setenv("HEADRACE_EVENTS", str(tmp_path / "events"))
    seen: list[str] = []
    listen = network_estimator._listen

    def kill(message: Any, facts: Any) -> None:
        listen(message, facts)
        if "text" in message:
            seen.append(message["text"])
        if len(seen) == 2:
            os.kill(training_process._workers[os.getpid()].process.pid, signal.SIGKILL)

    monkeypatch.setattr(network_estimator, "_listen", kill)
    with step_events.step("train"), pytest.raises(InternalError, match=r"killed by signal 9"):
        fit()
    assert len(list(checkpoints.rglob("checkpoint.npz"))) == 1
    monkeypatch.setattr(
        network_estimator, "_listen", lambda message, facts: (seen.append(message.get("text")), listen(message, facts))
    )
    first = fit()[-1]
    assert seen[2].startswith("epoch 2 of 4") or seen[2].startswith("epoch 3 of 4")
    assert [folder.name for folder in checkpoints.iterdir()] == [checkpoint_folders.COMPILED]
    second = fit()[-1]
    assert hashlib.sha256(first.content).hexdigest() == hashlib.sha256(second.content).hexdigest()
    assert first.history_ == second.history_
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert any(event.get("text", "").startswith("epoch 1 of 4: loss") for event in events)


def test_network_learns_and_its_file_predicts_the_same(checkpoints: Path) -> None:
    """Bars that it has not seen; and the stored pipeline gives the same numbers without Keras."""
    pipeline = fit({**SMALL, "epochs": 12}, rows=200)
    matrix, target = bars(100, seed=1)
    found = fitted_model.predicted_probabilities(pipeline, matrix, 2)
    assert (found.argmax(axis=1) == target).mean() > 0.9
    stored = skops_file.loads(skops_file.dumps(pipeline))
    assert np.array_equal(fitted_model.predicted_probabilities(stored, matrix, 2), found)


@pytest.mark.slow
def test_regression_is_in_the_unit_of_the_target(checkpoints: Path) -> None:
    """The target is scaled for the fit only."""
    pipeline = fit({**SMALL, "epochs": 20}, rows=150, task="regression")
    found = fitted_model.predicted_values(pipeline, bars(50, seed=1)[0])
    assert 4500 < found.mean() < 6500
    assert found.std() > 100


@pytest.mark.slow
def test_fit_in_threads_takes_turns(checkpoints: Path) -> None:
    """Folds run in threads; each gets its own answer."""
    found: dict[int, bytes] = {}
    threads = [
        threading.Thread(
            target=lambda filters=filters: found.update({filters: fit({**SMALL, "filters": filters})[-1].content})
        )
        for filters in (2, 3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[2] == fit({**SMALL, "filters": 2})[-1].content != found[3]


@pytest.mark.slow
def test_loss_that_is_not_finite_is_the_users_to_change(checkpoints: Path) -> None:
    """The sentence names the parameter."""
    pipeline = families.family("cnn").build(picture(), task="regression", parameters=SMALL, seed=0)
    matrix, _ = bars(60)
    with pytest.raises(DataError, match="of a network must stay finite"):
        fitting.fit(pipeline, matrix * 1e38, np.linspace(0, 1, 60))


def test_families_are_refused_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence has the command that installs it."""
    monkeypatch.setattr(training_process, "PACKAGES", ("keras-that-is-absent",))
    with pytest.raises(InputError, match=r"pip install 'headrace\[deep\]'"):
        families.family("cnn").check_installed()


def test_row_without_a_picture_is_refused(checkpoints: Path) -> None:
    """Nothing would be a right replacement; the sentence counts them."""
    pipeline = families.family("cnn").build(picture(), task="binary", parameters=SMALL, seed=0)
    matrix, target = bars(60)
    matrix[3] = np.nan
    with pytest.raises(DataError, match=r"'picture' to fit cnn; 1 have none"):
        fitting.fit(pipeline, matrix, target)


def test_other_columns_beside_the_picture_are_refused() -> None:
    """A network over one picture says what it was given."""
    with pytest.raises(InputError, match="one picture and no other feature"):
        families.family("cnn").build([*picture(), MatrixColumn("age")], task="binary", parameters={}, seed=0)


def test_checkpoints_of_another_account_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies there would become weights: nobody else may write it."""
    monkeypatch.setenv("HEADRACE_CHECKPOINTS", str(tmp_path))
    tmp_path.chmod(0o777)
    with pytest.raises(InputError, match="only this account can write"):
        fit()
