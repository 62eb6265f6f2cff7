"""``headrace abtest``: from a plan to a page, as a person types it."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from headrace.api.monitoring.monitor import read_feedback
from headrace.cli.main import app
from headrace.core.ab_tests.assignment import is_candidate
from headrace.core.base.errors import UserError
from tests.conftest import headrace
from tests.core.ab_tests.simulated_tests import draw_table

_PLAN = ("abtest", "plan", "new-model", "--metric", "spent,mean=50,sd=20,effect=4,covariate=before,correlation=0.7")
_GUARD = ("--guard", "latency,mean=80,sd=40,margin=8,better=lower")


def run(*command: str, code: int = 0) -> str:
    """What a command prints, or the sentence with which it fails."""
    ended = CliRunner().invoke(app, command)
    if code:
        assert isinstance(ended.exception, UserError) or ended.exit_code == code, ended.output
        return str(ended.exception) if isinstance(ended.exception, UserError) else ended.output
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.output


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan's file."""
    path = tmp_path / "plan.json"
    run(*_PLAN, *_GUARD, "--daily-keys", "100", "-o", str(path))
    return path


@pytest.mark.parametrize("command", ["plan", "assign", "analyze"])
def test_every_command_shows_how_it_is_used(command: str) -> None:
    """Help has examples that begin with the command."""
    assert f"headrace abtest {command}" in run("abtest", command, "--help").split("Examples:")[1]


def test_a_plan_says_what_it_takes_and_promises(tmp_path: Path) -> None:
    """A line for each metric, then sentences: keys, days, what the covariate saves, what looking costs."""
    text = run(*_PLAN, *_GUARD, "--daily-keys", "100")
    assert "+4 (+8 %)" in text
    assert "a loss below 8" in text
    assert "days at 100 keys a day" in text
    assert "The covariate before saves 49 % of the keys of spent." in text
    assert "a fifth of alpha is spent on it" in text
    assert "whoever looks earlier must not conclude anything" in run(*_PLAN, "--looks", "once")
    assert "+0.0126 (+13 %)" in run("abtest", "plan", "x", "--metric", "m,rate=0.10", "--keys", "20000")


def test_a_plan_without_an_effect_needs_keys() -> None:
    """One sentence, exit code 2."""
    ended = headrace("abtest", "plan", "x", "--metric", "m,rate=0.10")
    assert ended.returncode == 2
    assert "must have an effect, the smallest difference worth finding" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_is_assigned_as_each_key_is(tmp_path: Path, plan: Path, suffix: str) -> None:
    """All its columns stay, ids keep their zeros, and the plan names test, key, share and versions."""
    keys = [*(f"{number:05d}" for number in range(298)), "NA", "null"]
    table, out = tmp_path / "clients.csv", tmp_path / f"out.{suffix}"
    pl.DataFrame({"key": keys, "city": ["NA"] * 300}).write_csv(table)
    text = run("abtest", "assign", str(table), "--plan", str(plan), "-o", str(out))
    found = pl.read_csv(out, infer_schema=False) if suffix == "csv" else pl.read_parquet(out)
    expected = ["candidate" if is_candidate(key, test="new-model", share=0.5) else "baseline" for key in keys]
    assert found.columns == ["key", "city", "version"]
    assert found["key"].to_list() == keys
    assert found["city"].unique().to_list() == ["NA"]
    assert found["version"].to_list() == expected
    assert f"300 rows assigned, {expected.count('candidate')} to candidate" in text


def test_a_test_is_assigned_without_a_plan(tmp_path: Path) -> None:
    """By its name and the share."""
    table, out = tmp_path / "clients.csv", tmp_path / "out.csv"
    pl.DataFrame({"client": [f"c{number}" for number in range(1000)]}).write_csv(table)
    command = ("abtest", "assign", str(table), "--key", "client", "--share", "0.2", "-o", str(out))
    run(*command, "--test", "t", "--candidate", "B", "--baseline", "A")
    assert pl.read_csv(out)["version"].value_counts().sort("count")["version"].to_list() == ["B", "A"]
    assert "either --plan or --test must be given" in run(*command, code=2)


def test_a_tests_table_becomes_a_document_and_a_page(tmp_path: Path, plan: Path) -> None:
    """The sentences on the screen stand in both."""
    table, out = tmp_path / "results.csv", tmp_path / "out" / "abtest.json"
    keys = json.loads(plan.read_text())["keys"]
    draw_table(1, keys, effect=2).write_csv(table)
    text = run("abtest", "analyze", str(table), "--plan", str(plan), "--time", "day", "-o", str(out))
    document = json.loads(out.read_text())
    page = out.with_suffix(".html").read_text()
    assert document["decision"] == "better"
    for sentence in (document["sentence"], *document["reasons"]):
        assert sentence in text
        assert sentence in page
    assert len(document["metrics"][0]["timeline"]) == 10


def test_times_are_read_as_people_write_them(tmp_path: Path, plan: Path) -> None:
    """Days and times in ISO 8601, each shown as a moment; another text is refused."""
    table, out = tmp_path / "results.csv", tmp_path / "abtest.json"
    frame = draw_table(1, 400)
    day = pl.date(2026, 3, 1) + pl.duration(days=pl.col("day").cast(pl.Int64))
    for times, shown in ((day, "2026-03-10"), (day.dt.strftime("%Y-%m-%dT12:00:00+02:00"), "2026-03-10T10:00:00Z")):
        frame.with_columns(day=times).write_csv(table)
        run("abtest", "analyze", str(table), "--plan", str(plan), "--time", "day", "-o", str(out))
        assert json.loads(out.read_text())["metrics"][0]["timeline"][-1]["time"] == shown
    frame.with_columns(day=pl.lit("soon")).write_csv(table)
    sentence = run("abtest", "analyze", str(table), "--plan", str(plan), "--time", "day", "-o", str(out), code=2)
    assert "must hold dates or times such as 2026-03-01T00:00:00Z; it holds 'soon'" in sentence


def test_bad_input_ends_with_one_sentence(tmp_path: Path, plan: Path) -> None:
    """Exit code 2, and nothing is written."""
    table, out = tmp_path / "results.csv", tmp_path / "abtest.json"
    draw_table(1, 100).drop("spent").write_csv(table)
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**json.loads(plan.read_text()), "power": 2}))
    page = str(tmp_path / "x.html")
    analyze = ("abtest", "analyze", str(table), "--plan")
    for command, sentence in (
        ((*analyze, str(plan), "-o", str(out)), "needs the column 'spent'"),
        ((*analyze, str(other), "-o", str(out)), "power must be at least 0.5 and below 1"),
        ((*analyze, str(tmp_path / "none.json"), "-o", str(out)), "there is no file"),
        ((*analyze, str(table), "-o", str(out)), "must be a JSON file"),
        ((*analyze, str(plan), "-o", page), "must be the JSON file, beside which the page is written"),
        (("abtest", "assign", str(table), "--plan", str(plan), "-o", page), "ends in .parquet or .csv"),
        (("abtest", "assign", str(table), "--plan", str(plan), "-o", "o.csv"), "has a column 'version' already"),
        ((*_PLAN, "--share", "1"), "share of the keys must be from"),
        ((*_PLAN, "--keys", "3"), "must have at least 4 keys"),
    ):
        text = run(*command, code=2)
        assert sentence in text, text
    assert not out.exists()
    ended = headrace(*analyze, str(plan), "-o", str(out))
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_a_result_decides_about_a_retraining(plan: Path, tmp_path: Path) -> None:
    """What an A/B test says is the test on instant feedback that a monitoring policy may wait for."""
    for effect, better in ((2.0, True), (0.0, False)):
        table, out = tmp_path / f"table-{better}.parquet", tmp_path / f"out-{better}.json"
        draw_table(1, 2_000, effect=effect).write_parquet(table)
        run("abtest", "analyze", str(table), "--plan", str(plan), "-o", str(out))
        assert read_feedback(out).better is better
