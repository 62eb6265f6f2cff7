"""Flink SQL scores with an exported model, on a Flink of the test's own process.

Flink 2.3.0: the provider is looked up when a query is planned, not by ``CREATE MODEL``, which accepts anything.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.jvm.conftest import ROWS, UNKNOWN_PLAN, ExportedModel
from tests.jvm.java_parts import JAVA, compile_java, engine_jars

pytestmark = pytest.mark.jvm

FOLDER = Path(__file__).parent
PROGRAMS = [FOLDER / "java" / name for name in ("FlinkScript.java", "FlinkCalls.java")]


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled runner."""
    folder = tmp_path_factory.mktemp("classes")
    return compile_java(folder, *PROGRAMS, classpath=f"{engine_jars('flink')}/*")


def run_statements(script: Path, classes: Path, jar: Path) -> list[list[str]]:
    """Run the statements of a file, and return the lines that they print, cut at tabs."""
    done = subprocess.run(
        [*JAVA, "-cp", f"{classes}:{engine_jars('flink')}/*:{jar}", "FlinkScript", str(script)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_a_model_and_a_function_score_a_table(exported: ExportedModel, classes: Path, tmp_path: Path) -> None:
    """Both give Python's answers; a row that breaks the contract has a status and a reason, and the job goes on.

    Flink 2.3.0 calls a function once for each field that is taken of its result, also from a subquery.
    """
    rows = [{"n": place, **row} for place, row in enumerate([*ROWS, UNKNOWN_PLAN])]
    (tmp_path / "rows.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    script = tmp_path / "script.sql"
    statements = (FOLDER / "flink_scores.sql").read_text().replace("@ROWS@", str(tmp_path / "rows.json"))
    script.write_text(statements.replace("@JAR@", str(exported.jar.path)))
    lines = run_statements(script, classes, exported.jar.path)
    assert not [line for line in lines if line[0] == "error"]
    facts = [dict(field.split("=", 1) for field in fields[1:]) for fields in lines]
    calls = facts.pop()
    assert [fact["n"] for fact in facts] == ["0", "1", "2", "3"] * 3 + ["0", "1", "2"] * 3
    digest = exported.jar.digest
    for fact, row in zip(facts[:3] + facts[4:7], ROWS * 2, strict=True):
        answer = exported.answer(row)
        assert (fact["label"], fact["status"], fact["model_digest"]) == (answer["label"], "scored", digest)
        assert float(fact["probability"]) == pytest.approx(answer["probabilities"]["yes"], abs=1e-12)
    for fact in (facts[3], facts[7]):
        assert (fact["label"], fact["status"], fact["violations"]) == ("null", "refused", "category:plan")
        assert fact["reason"] == "column 'plan' must be one of 'basic', 'plus', 'premium'; got 'gold' instead."
    assert {fact["status"] for fact in facts[8:12]} == {"refused"}, "a name without a value"

    answer = exported.answer(ROWS[0])
    for place in range(12, 21, 3):
        scored, broken, nothing = facts[place : place + 3]
        assert (scored["status"], broken["status"], nothing["status"]) == ("scored", "refused", "refused")
        assert float(scored["probability"]) == pytest.approx(answer["probabilities"]["yes"], abs=1e-12)
        assert (broken["violations"], nothing["violations"]) == ("value:", "empty:")
    assert json.loads(facts[12]["answer"])["label"] == answer["label"]
    assert [fact["answer"] for fact in facts[13:15]] == ["null", "null"]
    assert [fact["label"] for fact in facts[18:]] == [answer["label"], "null", "null"], "two models in one job"
    assert calls == {"a1": "1", "b1": "2"}


def test_what_does_not_fit_the_model_is_refused_when_a_query_is_planned(exported: ExportedModel, classes: Path) -> None:
    """Inputs that are absent or none of the model's, outputs that it does not give, a model that is not there."""
    lines = run_statements(FOLDER / "flink_refusals.sql", classes, exported.jar.path)
    reasons = [
        "it lacks [plan]",
        "[churn] are none of them",
        "the input age must be a number",
        "got label INT instead",
        "got value DOUBLE instead",
        "one model named other; it holds [customers]",
        "modle",
        "must be one column, BYTES or STRING, where 'input' = 'json'",
        "must be columns or json; got xml instead",
    ]
    for line, reason in zip(lines, reasons, strict=True):
        assert line[0] == "error"
        assert reason in line[1]
