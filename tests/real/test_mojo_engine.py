"""MOJOs of a real H2O, scored by the side-car as H2O itself predicts."""

import dataclasses
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from headrace.core.base.errors import BundleError, DataError, RequestError
from headrace.core.mojo import side_car
from headrace.core.mojo.mojo_engine import MojoEngine
from tests.jvm.java_parts import JAVA, library
from tests.real import h2o_mojos

pytestmark = pytest.mark.h2o

EXACT = (
    *("gbm_binomial", "gbm_multinomial", "gbm_regression", "drf_binomial", "glm_binomial", "glm_multinomial"),
    *("isolationforest", "xgboost_binomial"),
)
CLOSE = ("deeplearning_binomial", "stackedensemble_binomial")
# Largest difference to H2O of a probability of a deep network, whose sums H2O takes in another order.
TOLERANCE = 1e-12


def opened(name: str) -> MojoEngine:
    """An engine of a made MOJO."""
    library()
    made = h2o_mojos.mojo(name)
    return MojoEngine.open(made.path, made.description)


@pytest.fixture
def engine() -> Iterator[MojoEngine]:
    """An engine that a test may break."""
    with opened("gbm_binomial") as one:
        yield one


def is_running(pid: int) -> bool:
    """Whether a process runs that is no zombie."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(check: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("name", [*EXACT, *CLOSE])
def test_scores_are_those_of_h2o(name: str) -> None:
    """Also for missing values, categories that training did not know, "007" beside "7", and numbers near 2**53."""
    made, matrix = h2o_mojos.mojo(name), h2o_mojos.matrix()
    with opened(name) as one:
        scores = one.predict(matrix)
        assert scores.shape == made.predicted.shape
        assert np.abs(scores - made.predicted).max() <= (0 if name in EXACT[:4] else TOLERANCE)
        large = np.tile(matrix, (150, 1))  # several requests, each divided between threads
        again = one.predict(large)
    assert np.array_equal(again, np.concatenate([scores] * 150)), "as one row at a time"


def test_an_autoencoder_gives_the_error_of_h2o() -> None:
    """Over all inputs of the network, on the normalised scale, as ``predictAutoEncoder(row).mse`` of h2o-genmodel.

    H2O 3.46.0.11: for a missing number that wrapper gives NaN. Here it counts as the mean, as in the network and in
    H2O's own ``anomaly()``.
    """
    made, matrix = h2o_mojos.mojo("deeplearning_autoencoder"), h2o_mojos.matrix()
    with opened("deeplearning_autoencoder") as one:
        scores = one.predict(matrix)
    assert scores == pytest.approx(made.predicted, rel=1e-9)
    lines = [
        ",".join(_as_h2o(name, value) for name, value in zip(h2o_mojos.COLUMNS, row, strict=True))
        for row in matrix.tolist()
    ]
    reference = Path(__file__).with_name("AutoencoderReference.java")
    command = [*JAVA, "-cp", str(library()), str(reference), str(made.path), ",".join(h2o_mojos.COLUMNS)]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    wrapper = np.array([float(line) for line in done.stdout.split()])
    has_age = ~np.isnan(matrix[:, 0])
    assert scores[has_age] == pytest.approx(wrapper[has_age], rel=1e-12)
    assert np.isnan(wrapper[~has_age]).all()


def _as_h2o(name: str, value: float) -> str:
    categories = h2o_mojos.CATEGORIES.get(name)
    if np.isnan(value):
        return ""
    return repr(value if categories is None else categories[int(value)] if value >= 0 else "elsewhere")


def test_threads_and_forks_and_copies_give_the_same(engine: MojoEngine) -> None:
    """Threads take turns; a forked process and a pickled engine each have a Java process of their own."""
    matrix, expected = h2o_mojos.matrix(), h2o_mojos.mojo("gbm_binomial").predicted
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(np.array_equal(engine.predict(matrix), expected)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8
    before = engine.pid
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if engine.pid is None and np.array_equal(engine.predict(matrix), expected) else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert np.array_equal(engine.predict(matrix), expected)
    assert engine.pid == before
    with pickle.loads(pickle.dumps(engine)) as copy:  # noqa: S301 - of this test
        assert copy.pid != before
        assert np.array_equal(copy.predict(matrix), expected)


def test_a_java_process_that_dies_is_started_again(engine: MojoEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is asked once more; where the second process dies too, it is an error of the suite."""
    matrix, expected = h2o_mojos.matrix(), h2o_mojos.mojo("gbm_binomial").predicted
    first = engine.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert np.array_equal(engine.predict(matrix), expected)
    assert engine.pid != first

    def die(one: side_car.SideCar, _: object) -> None:
        os.kill(one.pid, signal.SIGKILL)
        raise side_car.SideCarEndedError("it ended with -9")

    with monkeypatch.context() as patch:
        patch.setattr(side_car.SideCar, "score", die)
        with pytest.raises(RequestError, match="must answer; it ended twice: it ended with -9") as caught:
            engine.predict(matrix)
    assert caught.value.reason == "unready"
    assert np.array_equal(engine.predict(matrix), expected), "the next request starts a third"


def test_no_java_process_outlives_its_owner(engine: MojoEngine, tmp_path: Path) -> None:
    """Neither after the end of an engine, nor of a process by ``kill -9``, though a fork of it lives on."""
    first = engine.pid
    assert first is not None
    engine.close()
    engine.close()
    assert not is_running(first)
    with pytest.raises(BundleError, match="it is closed"):
        engine.predict(h2o_mojos.matrix())
    program = (
        "import os, sys, time\n"
        "from tests.real.test_mojo_engine import opened\n"
        "engine = opened('glm_binomial')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    time.sleep(60)\n"
        "print(engine.pid, child, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        java, child = (int(word) for word in owner.stdout.readline().split())
    try:
        assert is_running(java)
        owner.kill()
        owner.wait()
        wait_until(lambda: not is_running(java))
        assert is_running(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_category_that_is_none_is_refused_and_the_next_request_answered(engine: MojoEngine) -> None:
    """The sentence names column and number; NaN and -1 are missing values, not faults."""
    matrix = h2o_mojos.matrix().copy()
    matrix[3, 2] = 4.0
    with pytest.raises(DataError, match=r"column 2 of the matrix must hold categories below 4; got 4.0 instead"):
        engine.predict(matrix)
    with pytest.raises(BundleError, match="needs 4 columns"):
        engine.predict(matrix[:, :3])
    assert engine.predict(matrix[:0]).shape == (0, 2)
    assert np.array_equal(engine.predict(h2o_mojos.matrix()), h2o_mojos.mojo("gbm_binomial").predicted)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"h2o_version": "3.46.0.12"}, "Binomial of H2O 3.46.0.11, described is a Binomial of 3.46.0.12"),
        ({"category": "Multinomial"}, "the MOJO is a Binomial .* described is a Multinomial"),
        ({"classes": (0, 2)}, "class 2 is none of the MOJO's 2"),
    ],
)
def test_a_description_of_another_model_is_refused(changes: dict[str, object], said: str) -> None:
    """Version, category, classes."""
    library()
    made = h2o_mojos.mojo("gbm_binomial")
    with pytest.raises(BundleError, match=f"mojo.json must describe model.mojo; .*{said}"):
        MojoEngine.open(made.path, dataclasses.replace(made.description, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "changes", "said"),
    [
        (0, {"name": "AGE"}, r"has the columns \[age, wide, code, city\], described are \[AGE, wide"),
        (0, {"levels": (0, 1)}, "column age has numbers, described are levels"),
        (2, {"levels": None}, "column code has levels, described are numbers"),
        (2, {"levels": (0, 1, 3)}, "level 3 of column code is none of the MOJO's 3"),
    ],
)
def test_a_column_of_another_model_is_refused(place: int, changes: dict[str, object], said: str) -> None:
    """A misspelt name would be a missing value for H2O's own wrapper, in silence."""
    library()
    made = h2o_mojos.mojo("gbm_binomial")
    inputs = list(made.description.inputs)
    inputs[place] = dataclasses.replace(inputs[place], **changes)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=said):
        MojoEngine.open(made.path, dataclasses.replace(made.description, inputs=tuple(inputs)))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("mojo_version = 1.40", "mojo_version = 9.00", "h2o-genmodel 3.46.0.11 reads; .* MOJO version incompatibility"),
        (
            "algorithm = Gradient Boosting Machine",
            "algorithm = Horoscope",
            "h2o-genmodel 3.46.0.11 reads; .*Horoscope` is not supported",
        ),
        ("n_columns = 5", "n_columns = 4", "h2o-genmodel 3.46.0.11 reads; .* too small"),
        ("algo = gbm", "algo = kmeans", "must be of GBM, .*; it is a Binomial of kmeans"),
        ("n_columns = 5", "offset_column = age\nn_columns = 5", "without an offset column"),
    ],
)
def test_a_mojo_that_the_engine_cannot_score_is_refused(before: str, after: str, said: str) -> None:
    """Its own sentence is given; so are algorithms and options that the engine does not take."""
    library()
    made = h2o_mojos.mojo("gbm_binomial")
    changed = io.BytesIO()
    with zipfile.ZipFile(made.path) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "model.ini":
                content = content.replace(before.encode(), after.encode())
            target.writestr(name, content)
    with pytest.raises(BundleError, match=said):
        MojoEngine(changed.getvalue(), made.description)
