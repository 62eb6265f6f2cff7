"""Spark SQL scores with an exported model, on a Spark of the test's own process."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.jvm.conftest import ROWS, UNKNOWN_PLAN, ExportedModel
from tests.jvm.java_parts import JAVA
from tests.real.spark_parts import spark

pytestmark = pytest.mark.jvm

RUNNER = Path(__file__).parent / "java" / "SparkScript.java"
# What Spark's own launcher opens to it on Java 17.
PACKAGES = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util"),
    *("java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs", "sun.security.action"),
    "sun.util.calendar",
)


def test_a_function_scores_a_table(exported: ExportedModel, tmp_path: Path) -> None:
    """Python's answers; a row that breaks the contract has a status and a reason, and the job goes on."""
    rows = [{"n": place, **row} for place, row in enumerate([*ROWS, UNKNOWN_PLAN])]
    (tmp_path / "rows.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    opens = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in PACKAGES]
    done = subprocess.run(
        [
            *(*JAVA[:-1], "-Xmx1g", *opens, "-cp", f"{spark().jars}/*:{exported.jar.path}", str(RUNNER)),
            *(str(tmp_path / "rows.json"), str(tmp_path / "warehouse")),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    facts = [json.loads(line.removeprefix("row ")) for line in done.stdout.splitlines() if line.startswith("row ")]
    assert [fact["n"] for fact in facts] == [0, 1, 2, 3]
    for fact, row in zip(facts, ROWS, strict=False):
        answer = exported.answer(row)
        assert (fact["label"], fact["status"]) == (answer["label"], "scored")
        assert fact["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-12)
        assert fact["probability"] == fact["probabilities"]["yes"]
        assert fact["model_digest"] == exported.jar.digest
    assert (facts[3]["status"], facts[3]["violations"]) == ("refused", "category:plan")
    assert "label" not in facts[3]
