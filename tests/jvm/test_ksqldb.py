"""The function for ksqlDB, compiled against stubs of its annotations, and called without ksqlDB.

ksqlDB's own jars are not on Maven Central: what ksqlDB does with the function is not tried here.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.jvm.conftest import ROWS, UNKNOWN_PLAN, ExportedModel
from tests.jvm.java_parts import JAVA, PROJECT, compile_java

pytestmark = pytest.mark.jvm

RUNNER = Path(__file__).parent / "java" / "KsqldbScript.java"


def test_it_answers_in_json(exported: ExportedModel, tmp_path: Path) -> None:
    """Label and probabilities, or the rule that the row breaks; a missing row is no error."""
    sources = sorted((PROJECT / "ksqldb").rglob("*.java"))
    classes = compile_java(tmp_path, *sources, RUNNER, classpath=str(exported.jar.path))
    done = subprocess.run(
        [*JAVA, "-cp", f"{classes}:{exported.jar.path}", "KsqldbScript"],
        input="\n".join([json.dumps(ROWS[0]), json.dumps(UNKNOWN_PLAN), "", "x"]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0]["label"] == exported.answer(ROWS[0])["label"]
    assert [answer.get("rule") for answer in answers] == [None, "category", "shape", "value"]
    assert {answer["model_digest"] for answer in answers} == {exported.jar.digest}
