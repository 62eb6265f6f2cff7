"""Flink SQL scores with an exported model, on a Flink of the test's own process.

Flink 2.3.0: the provider is looked up when a query is planned, not by ``CREATE MODEL``, which accepts anything.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.jvm.conftest import ROWS, UNKNOWN_PLAN, ExportedModel
from tests.jvm.java_parts import JAVA, engine_jars

pytestmark = pytest.mark.jvm

RUNNER = Path(__file__).parent / "java" / "FlinkScript.java"
COLUMNS = "joined TIMESTAMP(3), age INT, spend DOUBLE, plan STRING"
ROW = "DESCRIPTOR(joined, age, spend, plan)"
PAIRS = "'age', age, 'spend', spend, 'plan', plan, 'joined', joined"
OUTPUT = "label STRING, probability DOUBLE, status STRING, violations STRING, reason STRING, model_digest STRING"


def run_statements(folder: Path, statements: list[str], jar: Path) -> list[list[str]]:
    """Run statements, and return the lines that they print, cut at tabs."""
    script = folder / "script.sql"
    script.write_text(";\n".join(statements))
    classpath = f"{engine_jars('flink')}/*:{jar}"
    done = subprocess.run(
        [*JAVA, "-cp", classpath, str(RUNNER), str(script)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_a_model_and_a_function_score_a_table(exported: ExportedModel, tmp_path: Path) -> None:
    """Both give Python's answers; a row that breaks the contract has a status and a reason, and the job goes on."""
    rows = [{"n": place, **row} for place, row in enumerate([*ROWS, UNKNOWN_PLAN])]
    (tmp_path / "rows.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = run_statements(
        tmp_path,
        [
            f"CREATE TABLE t (n INT, {COLUMNS}) WITH ('connector'='filesystem', 'path'='{tmp_path}/rows.json', "
            "'format'='json')",
            f"CREATE MODEL m INPUT ({COLUMNS}) OUTPUT ({OUTPUT}) WITH ('provider'='headrace')",
            f"SELECT * FROM ML_PREDICT(TABLE t, MODEL m, {ROW})",
            "CREATE TEMPORARY SYSTEM FUNCTION headrace_predict AS 'headrace.jvm.flink.HeadracePredict'",
            f"SELECT n, p.label, p.probability, p.status, p.violations, p.reason, p.model_digest FROM (SELECT n, "
            f"headrace_predict('customers', {PAIRS}) AS p FROM t)",
            "SELECT n, headrace_predict('', 'age', age, 'spend', spend, 'plan', plan, 'joined').status FROM t",
        ],
        exported.jar.path,
    )
    facts = [dict(field.split("=", 1) for field in fields[1:]) for fields in lines]
    assert [fact["n"] for fact in facts] == ["0", "1", "2", "3"] * 3
    digest = exported.jar.digest
    for fact, row in zip(facts[:3] + facts[4:7], ROWS * 2, strict=True):
        answer = exported.answer(row)
        assert (fact["label"], fact["status"], fact["model_digest"]) == (answer["label"], "scored", digest)
        assert float(fact["probability"]) == pytest.approx(answer["probabilities"]["yes"], abs=1e-12)
    for fact in (facts[3], facts[7]):
        assert (fact["label"], fact["status"], fact["violations"]) == ("null", "refused", "category:plan")
        assert fact["reason"] == "column 'plan' must be one of 'basic', 'plus', 'premium'; got 'gold' instead."
    assert {fact["EXPR$1"] for fact in facts[8:]} == {"refused"}


def test_what_does_not_fit_the_model_is_refused_when_a_query_is_planned(
    exported: ExportedModel, tmp_path: Path
) -> None:
    """Inputs that are absent or none of the model's, outputs that it does not give, a model that is not there."""
    cases = {
        f"INPUT ({COLUMNS.replace(', plan STRING', '')}) OUTPUT (label STRING)": "it lacks [plan]",
        f"INPUT ({COLUMNS}, churn STRING) OUTPUT (label STRING)": "[churn] are none of them",
        f"INPUT ({COLUMNS.replace('age INT', 'age BYTES')}) OUTPUT (label STRING)": "the input age must be a number",
        f"INPUT ({COLUMNS}) OUTPUT (label INT)": "got label INT instead",
        f"INPUT ({COLUMNS}) OUTPUT (`value` DOUBLE)": "got value DOUBLE instead",
    }
    made = [f"CREATE MODEL m{place} {text} WITH ('provider'='headrace')" for place, text in enumerate(cases)]
    more = f"CREATE MODEL m9 INPUT ({COLUMNS}) OUTPUT (label STRING) WITH ('provider'='headrace', 'model'='other')"
    table = "CREATE TEMPORARY VIEW t AS SELECT CAST(NULL AS TIMESTAMP(3)) joined, 1 age, 1.5E0 spend, 'plus' plan, '' churn, "
    table += "CAST(NULL AS BYTES) content"
    queries = [
        f"SELECT * FROM ML_PREDICT(TABLE t, MODEL m{place}, {row})"
        for place, row in enumerate(
            [ROW.replace(", plan", ""), ROW.replace("plan", "plan, churn"), ROW.replace("age", "content"), ROW, ROW]
        )
    ]
    queries.append(f"SELECT * FROM ML_PREDICT(TABLE t, MODEL m9, {ROW})")
    lines = run_statements(tmp_path, [table, *made, more, *queries], exported.jar.path)
    for line, expected in zip(lines, [*cases.values(), "one model named other; it holds [customers]"], strict=True):
        assert line[0] == "error"
        assert expected in line[1]
