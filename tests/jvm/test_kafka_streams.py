"""Kafka Streams scores events with an exported model, under its own test driver."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.jvm.conftest import ROWS, UNKNOWN_PLAN, ExportedModel
from tests.jvm.java_parts import JAVA, engine_jars

pytestmark = pytest.mark.jvm

RUNNER = Path(__file__).parent / "java" / "KafkaScript.java"


def test_answers_and_dead_letters(exported: ExportedModel) -> None:
    """Key, headers and time stay; what breaks the contract goes elsewhere with its bytes and the reason."""
    good = [json.dumps(row) for row in ROWS]
    bad = [json.dumps(UNKNOWN_PLAN), "{", "[1]", "\u00ff", '{"age": 1e400}', ""]
    events = [(f"k{place}", text) for place, text in enumerate([good[0], *bad[:5], *good[1:]])]
    events += [("gone", ""), ("", "")]
    done = subprocess.run(
        [*JAVA, "-cp", f"{engine_jars('kafka')}/*:{exported.jar.path}", str(RUNNER)],
        input="\n".join(f"{key}\t{text}" for key, text in events),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    answers = [line[1:] for line in lines if line[0] == "answers"]
    dead = [line[1:] for line in lines if line[0] == "dead"]
    assert [answer[0] for answer in answers] == ["k0", "k6", "k7", "gone"]
    assert answers[-1] == ["gone", "1008", "", "trace=t1"], "a tombstone deletes the answer of its key"
    for answer, row, offset in zip(answers[:-1], ROWS, (0, 6, 7), strict=True):
        found = json.loads(answer[2])
        assert answer[1] == str(1000 + offset)
        assert answer[3:] == ["trace=t1"]
        facts = {"model_name": "customers", "model_digest": exported.jar.digest, "event_offset": offset}
        expected = exported.answer(row)
        assert found.keys() == expected.keys() | facts.keys()
        assert {name: found[name] for name in facts} == facts
        assert found["label"] == expected["label"]
        assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-12)
    reasons = ["category", "value", "shape", "value", "kind", "empty"]
    for letter, reason, text, place in zip(dead, reasons, bad, (1, 2, 3, 4, 5, 9), strict=True):
        headers = dict(header.split("=", 1) for header in letter[3:])
        assert letter[2] == text
        assert headers["trace"] == "t1"
        assert headers["headrace-reason"] == reason
        assert headers["headrace-sentence"].endswith(".")
        assert (headers["headrace-topic"], headers["headrace-offset"]) == ("events", str(place))
        assert headers["headrace-digest"] == exported.jar.digest
