"""``headrace score`` as a person types it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import polars as pl
import pytest

from headrace.core.bundles.bundle import Bundle
from tests import fork_server
from tests.conftest import headrace
from tests.made_bundle import copy_bundle

GOOD = {"age": "31", "spend": "20.5", "plan": "premium", "joined": "2024-03-02 23:15:00"}
BAD = {**GOOD, "age": "old"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle."""
    return copy_bundle(tmp_path_factory.mktemp("made"))


def test_help_has_examples() -> None:
    """As each command's."""
    shown = headrace("score", "--help")
    assert shown.returncode == 0
    assert "headrace score" in shown.stdout.split("Examples:")[1]


def test_the_last_line_and_the_summary_say_what_came_of_it(bundle: Bundle, tmp_path: Path) -> None:
    """How many rows, scored and refused, by which model, and where they are."""
    pl.DataFrame([GOOD, BAD, GOOD]).write_csv(tmp_path / "t.csv")
    out, summary = tmp_path / "p.csv", tmp_path / "s.json"
    ended = headrace("score", str(bundle.folder), str(tmp_path / "t.csv"), "-o", str(out), "--summary", str(summary))
    assert ended.returncode == 0, ended.stderr
    last = ended.stdout.splitlines()[-1]
    assert last.startswith("2 of 3 rows scored, 1 refused")
    assert bundle.digest[:12] in last
    assert str(out) in last
    facts = {"name": bundle.name, "rows": 3, "scored": 2, "refused": 1, "warned": 0, "digest": bundle.digest}
    assert json.loads(summary.read_text()) == facts
    assert out.read_text().splitlines()[0] == (
        "row,label,probability_no,probability_yes,status,violations,model_digest"
    )


def test_a_folder_of_parts_is_a_table(bundle: Bundle, tmp_path: Path) -> None:
    """Its parts are scored in their order, to a folder of parts again."""
    (tmp_path / "table").mkdir()
    for place in range(3):
        pl.DataFrame([{**GOOD, "age": place}] * 2).write_parquet(tmp_path / "table" / f"part-0000{place}.parquet")
    ended = headrace("score", str(bundle.folder), str(tmp_path / "table"), "-o", str(tmp_path / "out"))
    assert ended.returncode == 0, ended.stderr
    found = pl.read_parquet(tmp_path / "out" / "part-*.parquet")
    assert found["row"].to_list() == [1, 2, 3, 4, 5, 6]
    assert found["probability_yes"].n_unique() == 3


@pytest.mark.parametrize(
    ("model", "table", "output", "says"),
    [
        ("bundle", "none.csv", "p.csv", "none.csv"),
        ("nowhere", "t.csv", "p.csv", "nowhere"),
        ("bundle", "lacking.csv", "p.csv", "'plan'"),
        ("bundle", "t.csv", "t.csv", "would replace"),
        ("bundle", "t.csv", ".", "name another folder"),
    ],
)
def test_mistakes_end_with_a_sentence(
    bundle: Bundle, tmp_path: Path, model: str, table: str, output: str, says: str
) -> None:
    """Exit code 2, one line, no traceback, and every file as it was."""
    pl.DataFrame([GOOD]).write_csv(tmp_path / "t.csv")
    pl.DataFrame([GOOD]).drop("plan").write_csv(tmp_path / "lacking.csv")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    named = str(bundle.folder) if model == "bundle" else str(tmp_path / model)
    ended = headrace("score", named, str(tmp_path / table), "-o", str(tmp_path / output))
    assert ended.returncode == 2
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGTERM, "out"), (signal.SIGTERM, "out.csv"), (signal.SIGKILL, "out")]
)
def test_a_killed_job_leaves_the_old_output(bundle: Bundle, tmp_path: Path, number: signal.Signals, name: str) -> None:
    """In the middle of a large table; after SIGTERM nothing else is left either."""
    (tmp_path / "t.csv").write_text(_csv(600_000))
    output = tmp_path / name
    old = output if output.suffix else output / "part-00000.parquet"
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(b"old")
    command = [fork_server.python(), "-m", "headrace.cli.main", "score", str(bundle.folder), str(tmp_path / "t.csv")]
    job = subprocess.Popen(
        [*command, "-o", str(output)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    )
    deadline = time.monotonic() + 60
    while not _begun(tmp_path, name):
        assert job.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    job.send_signal(number)
    assert job.wait(30) != 0
    assert old.read_bytes() == b"old"
    if number == signal.SIGTERM:
        assert {path.name for path in tmp_path.iterdir()} == {"t.csv", name}


def _csv(pairs: int) -> str:
    header, *rows = pl.DataFrame([GOOD, BAD]).write_csv().splitlines(keepends=True)
    return header + "".join(rows) * pairs


def _begun(folder: Path, name: str) -> bool:
    """Whether a part, or the beginning of a file, lies beside the output."""
    for hidden in folder.glob(f".{name}.*"):
        if hidden.is_dir() and any(hidden.glob("part-*")):
            return True
        if hidden.is_file() and hidden.stat().st_size:
            return True
    return False
