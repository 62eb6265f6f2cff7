"""Batch scoring against the answers row by row."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core import score
from headrace.core.bundle import Bundle
from headrace.core.contract import Column
from headrace.core.door import Door
from headrace.core.errors import DataError, InputError, RequestError
from headrace.core.scorer import Scorer
from headrace.stores.sources import open_source
from tests.made_bundle import make_bundle

ROWS = [
    {"age": "31", "spend": "20.5", "plan": "premium", "joined": "2024-03-02 23:15:00", "churn": "no"},
    {"age": "old", "spend": "20.5", "plan": "basic", "joined": "2024-03-02 23:15:00", "churn": "no"},
    {"age": "60", "spend": "", "plan": "basic", "joined": "2024-03-02", "churn": ""},
    {"age": "60", "spend": "NA", "plan": "gold", "joined": "yesterday", "churn": "yes"},
    {"age": "-5", "spend": "inf", "plan": "plus", "joined": "2024-03-02T23:15:00", "churn": "no"},
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle."""
    return make_bundle(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def scorer(bundle: Bundle) -> Scorer:
    """Its model."""
    return Scorer.open(bundle)


def written(path: Path, rows: list[dict[str, Any]], copies: int = 1) -> Path:
    """A table of some rows."""
    pl.DataFrame(rows * copies).write_csv(path)
    return path


def run(scorer: Scorer, table: Path, output: Path, **choices: Any) -> tuple[dict[str, Any], pl.DataFrame]:
    """What is told, and what is written."""
    told = score.score_table(open_source(str(table)), scorer=scorer, output=output, **choices)
    read = pl.read_csv if output.suffix == ".csv" else pl.read_parquet
    return told, read(output if output.suffix else output / "*.parquet")


@pytest.mark.parametrize("name", ["out", "out.parquet", "out.csv"])
def test_each_row_gets_what_the_server_would_answer(scorer: Scorer, tmp_path: Path, name: str) -> None:
    """The same number to the bit where the door lets a row pass; no prediction and the reasons where it refuses."""
    told, found = run(scorer, written(tmp_path / "t.csv", ROWS), tmp_path / name)
    door, names = Door(scorer.contract), ["age", "spend", "plan", "joined"]
    for row, got in zip(ROWS, found.iter_rows(named=True), strict=True):
        sent = [{key: row[key] or None for key in names}]
        try:
            scores = scorer.scores(door.rows(sent).matrix)[0]
        except RequestError:
            assert (got["status"], got["label"], got["probability_no"]) == ("refused", None, None)
            assert got["violations"]
        else:
            assert got["status"] == "scored"
            assert [got["probability_no"], got["probability_yes"]] == scores.tolist()
            assert got["label"] == scorer.classes[int(scores[1] >= scorer.threshold)]
    assert found["row"].to_list() == [1, 2, 3, 4, 5]
    assert set(found["model_digest"]) == {scorer.digest}
    assert told == {"rows": 5, "scored": 2, "refused": 3, "warned": 0, "digest": scorer.digest}
    assert found["violations"].to_list()[3] == "category:plan; type:joined"


def test_rows_keep_their_order_over_many_blocks(scorer: Scorer, tmp_path: Path) -> None:
    """Whatever the size of the blocks, the predictions are the same, row by row."""
    table = written(tmp_path / "t.csv", ROWS, copies=400)
    _, small = run(scorer, table, tmp_path / "small", block_bytes=3_000)
    _, large = run(scorer, table, tmp_path / "large")
    assert small.equals(large)
    assert small["row"].to_list() == list(range(1, 2001))


def test_parquet_and_csv_give_the_same(scorer: Scorer, tmp_path: Path) -> None:
    """Typed columns or texts."""
    table = written(tmp_path / "t.csv", [ROWS[0], ROWS[2]])
    pl.read_csv(table, try_parse_dates=True, null_values=[""]).write_parquet(tmp_path / "t.parquet")
    _, first = run(scorer, table, tmp_path / "a")
    _, second = run(scorer, tmp_path / "t.parquet", tmp_path / "b")
    assert first.equals(second)


def test_keys_and_ids_come_along_and_personal_ones_do_not(scorer: Scorer, tmp_path: Path) -> None:
    """A prediction must be joined to its row again, without a name on it."""
    more = (Column("id", "integer", role="id"), Column("mail", "string", role="ignore", personal="drop"))
    wider = replace(scorer.contract, columns=(*more, *scorer.contract.columns))
    table = written(tmp_path / "t.csv", [{"id": "7", "mail": "a@b.c", **ROWS[0]}])
    _, found = run(replace(scorer, contract=wider), table, tmp_path / "out")
    assert found["id"].to_list() == ["7"]
    assert "mail" not in found.columns


def test_a_rule_that_only_warns_lets_a_row_be_scored(scorer: Scorer, tmp_path: Path) -> None:
    """It has a prediction and a violation."""
    lenient = replace(scorer, contract=replace(scorer.contract, rules={"range": "warn"}))
    told, found = run(lenient, written(tmp_path / "t.csv", [{**ROWS[0], "age": "-5"}]), tmp_path / "out")
    assert (told["scored"], told["warned"]) == (1, 1)
    assert found["violations"].to_list() == ["range:age"]


def test_what_cannot_be_scored_is_refused_and_an_older_output_stays(scorer: Scorer, tmp_path: Path) -> None:
    """An absent column and an empty table end in one sentence; the predictions of yesterday are untouched."""
    output = tmp_path / "out.csv"
    run(scorer, written(tmp_path / "t.csv", ROWS), output)
    before = output.read_bytes()
    lacking = written(tmp_path / "lacking.csv", [{key: value for key, value in ROWS[0].items() if key != "plan"}])
    with pytest.raises(DataError, match="'plan'"):
        run(scorer, lacking, output)
    (tmp_path / "empty.csv").write_text("age,spend,plan,joined\n")
    with pytest.raises(DataError, match="no rows"):
        run(scorer, tmp_path / "empty.csv", output)
    assert output.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", "t.csv", "lacking.csv", "empty.csv"}
    with pytest.raises(InputError, match="it is another file"):
        run(scorer, tmp_path / "t.csv", written(tmp_path / "t.txt", ROWS))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_job_leaves_the_old_output(bundle: Bundle, tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of a large table, by the command."""
    table = written(tmp_path / "t.csv", ROWS, copies=200_000)
    output = tmp_path / "out"
    output.mkdir()
    (output / "part-00000.parquet").write_bytes(b"old")
    command = [sys.executable, "-m", "headrace.cli.main", "score", str(bundle.folder), str(table), "-o", str(output)]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*/part-*")):
        assert job.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    job.send_signal(number)
    assert job.wait(30) != 0
    assert (output / "part-00000.parquet").read_bytes() == b"old"


def test_the_command_says_what_came_of_it(bundle: Bundle, tmp_path: Path) -> None:
    """One line with the counts, a summary file, and exit code 2 for a missing table."""
    table = written(tmp_path / "t.csv", ROWS)
    command = [sys.executable, "-m", "headrace.cli.main", "score", str(bundle.folder)]
    done = subprocess.run(
        [*command, str(table), "-o", str(tmp_path / "p.csv"), "--summary", str(tmp_path / "s.json")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("2 of 5 rows scored, 3 refused")
    assert '"refused": 3' in (tmp_path / "s.json").read_text()
    bad = subprocess.run(
        [*command, "none.csv", "-o", str(tmp_path / "q.csv")], capture_output=True, text=True, check=False
    )
    assert bad.returncode == 2
    assert "none.csv" in bad.stderr


def test_numbers_that_are_read_at_once_are_the_numbers_of_texts(scorer: Scorer, tmp_path: Path) -> None:
    """A block with one text among its numbers is read as texts, and gives the same for the other rows."""
    spends = ["1.5", " 2.25 ", "1e3", "-0", "+7", "", "NA", "0x1F", "1_000", "3.", ".5"]
    rows = [{**ROWS[0], "spend": text} for text in spends]
    _, found = run(scorer, written(tmp_path / "t.csv", rows), tmp_path / "a")
    for place, row in enumerate(rows):
        _, alone = run(scorer, written(tmp_path / "one.csv", [row]), tmp_path / "b")
        same = ["status", "violations", "probability_yes"]
        assert alone.select(same).equals(found.slice(place, 1).select(same)), row["spend"]
