"""The provenance in a bundle, and the other documents of a run, byte for byte."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.core.base.files import dumps
from headrace.core.bundles.bundle import open_bundle
from headrace.core.evaluation.evaluation_document import BundleMetrics, Evaluation
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.packaging.package import pack
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.validation.data_checks import DataChecks
from tests.golden.test_document_schemas import valid
from tests.made_bundle import make_parts
from tests.made_documents import make_provenance

TRACE = {
    "arguments": {"gate": {"champion": "/home/me/old", "seed": 0}, "split": {"test_size": 0.2}},
    "steps": {"ingest": "ab" * 32, "train": "cd" * 32},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the real steps of a small run leave."""
    folder = tmp_path_factory.mktemp("run")
    parts, source = make_parts(folder, slices=("plan",))
    split = {"method": "stratified", "test_size": 0.2, "seed": 3.0, "format": 2.0}
    pack(folder / "bundle", parts=parts, source={**source, "read": '{"drop": ["x"]}'}, split=split, trace=TRACE)
    pack(folder / "plain", parts=replace(parts, train_table=None), source={})
    return folder


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("evaluation.json", "evaluation", Evaluation),
        ("checks.json", "data-checks", DataChecks),
        ("verdict.json", "verdict", GateVerdict),
        ("bundle/metrics.json", "metrics", BundleMetrics),
        ("bundle/provenance.json", "provenance", Provenance),
        ("plain/provenance.json", "provenance", Provenance),
    ],
)
def test_documents_of_a_run_are_written_as_they_are_read(folder: Path, path: str, name: str, kind: Any) -> None:
    """Each keeps its schema, and what is read is written again byte for byte, so that no digest depends on a reader."""
    text = (folder / path).read_text()
    assert valid(name, json.loads(text))
    assert not valid(name, {**json.loads(text), "more": 1})
    assert dumps(kind.from_json(json.loads(text)).as_json()) == text


def test_what_a_run_does_not_have_is_null_empty_or_absent(folder: Path) -> None:
    """As programs that read bundles expect it."""
    whole, plain = (json.loads((folder / name / "provenance.json").read_text()) for name in ("bundle", "plain"))
    assert set(whole) - set(plain) == {"arguments", "steps"}
    assert whole["arguments"]["gate"] == {"champion": "old", "seed": 0}
    assert (plain["data"]["train"], plain["parameters"]["split"]) == (None, {})
    assert set(whole["verdict"]) == {"verdict", "reasons", "comparison"}
    assert make_provenance(verdict=None).as_json()["verdict"] == {}
    assert list(whole["rows"]) == ["quarantined", "read", "test", "train", "valid"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"seed": "0"}, "'seed' must be a whole number; got '0'"),
        ({"verdict": {"verdict": "perhaps"}}, "'verdict' lacks the key 'reasons'"),
        ({"table": {}}, "'table' lacks the key 'source'"),
        ({"more": 1}, "it has the unknown key 'more'"),
    ],
)
def test_another_document_is_refused(change: dict[str, Any], fault: str) -> None:
    """The sentence says what is expected and what to do."""
    with pytest.raises(InputError) as caught:
        Provenance.from_json(make_provenance().as_json() | change)
    assert str(caught.value) == (
        "provenance.json must be what the step package writes, as docs/provenance.schema.json says; "
        f"{fault}: package the model again."
    )


def test_copied_parts_are_named(folder: Path) -> None:
    """Whoever may read the bundle may read them."""
    data = Provenance.from_json(open_bundle(folder / "bundle").json("provenance.json")).data
    assert data.copied == ()
    assert data.train
    assert replace(data, train=replace(data.train, copy="data/train/")).copied == ("train",)
