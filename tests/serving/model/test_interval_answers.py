"""Intervals in every answer: V1, V2, batch scoring, a stream, the card; and where they are refused."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

from headrace.core.base.errors import BundleError, InputError
from headrace.core.base.files import read_json
from headrace.core.bundles.bundle import Bundle
from headrace.core.inference.batch_scoring import score_table
from headrace.core.inference.scorer import Scorer
from headrace.core.jvm_export.model_jar import write_jar
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import ServedModel
from headrace.serving.protocols import v1, v2
from headrace.serving.protocols.openapi import openapi
from headrace.stores.sources.open_source import open_source
from headrace.streams.stream_model import StreamModel
from headrace.streams.values.json_values import JsonValues
from tests.conftest import write_table
from tests.made_bundle import make_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A regression with intervals for eight in ten."""
    return make_bundle(
        tmp_path_factory.mktemp("intervals"), target="spend", task="regression", family="linear", intervals=0.8
    )


@pytest.fixture(scope="module")
def served(bundle: Bundle) -> ServedModel:
    """That model on a server; opening it has compared the ends in its own test cases."""
    return ServedModel.open(bundle.folder)


def requests(bundle: Bundle) -> list[Any]:
    """The requests of the bundle's own test cases."""
    return [case["request"] for case in bundle.json("cases.json")["cases"]]


def test_every_protocol_gives_the_same_ends(bundle: Bundle, served: ServedModel) -> None:
    """V1's objects, V2's tensors and a stream's answers are what the bundle's test cases expect."""
    cases = bundle.json("cases.json")["cases"]
    scored = served.predict_validated(requests(bundle))
    found = orjson.loads(v1.answer(served, scored))["predictions"]
    assert [sorted(one) for one in found] == [["lower", "upper", "value"]] * len(cases)
    for one, case in zip(found, cases, strict=True):
        assert one == pytest.approx(case["expected"], rel=1e-6)
        assert one["lower"] < one["value"] < one["upper"]
    tensors = {tensor["name"]: tensor["data"] for tensor in v2.answer(served, scored, {})["outputs"]}
    assert tensors == {name: [one[name] for one in found] for name in ("value", "lower", "upper")}
    answers = JsonValues().encode(StreamModel(served, "1", ""), scored, range(len(cases)))
    assert [{name: orjson.loads(one)[name] for name in found[0]} for one in answers] == found


def test_one_output_of_v2_may_be_asked_for_and_metadata_name_all(served: ServedModel, bundle: Bundle) -> None:
    """A client that wants the upper end alone gets it alone; the documents of both protocols name the ends."""
    scored = served.predict_validated(requests(bundle)[:1])
    (tensor,) = v2.answer(served, scored, {"outputs": [{"name": "upper"}]})["outputs"]
    assert tensor["name"] == "upper"
    assert [one["name"] for one in v2.metadata(served)["outputs"]] == ["value", "lower", "upper"]
    document = openapi(served, RequestLimits(), repository=False)
    assert '"required":["value","lower","upper"]' in orjson.dumps(document).decode()


def test_batch_scoring_writes_the_ends(served: ServedModel, tmp_path: Path) -> None:
    """Two columns behind the value; missing where a row is refused."""
    table = write_table(tmp_path / "t.csv")
    score_table(open_source(str(table)), scorer=served.scorer, output=tmp_path / "scores.parquet")
    found = pl.read_parquet(tmp_path / "scores.parquet").filter(pl.col("status") == "scored")
    intervals = served.scorer.intervals
    assert intervals is not None
    lower, upper = intervals.bounds(found["value"].to_numpy())
    assert np.array_equal(found["lower"].to_numpy(), lower)
    assert np.array_equal(found["upper"].to_numpy(), upper)


def test_the_evaluation_and_the_card_tell_of_them(bundle: Bundle) -> None:
    """Coverage and width have intervals of their own; the card says what was promised, and from how many errors."""
    metrics = bundle.json("metrics.json")["metrics"]
    assert 0 <= metrics["interval_coverage"]["low"] <= metrics["interval_coverage"]["value"] <= 1
    assert metrics["interval_width"]["value"] > 0
    card = (bundle.folder / "card.md").read_text()
    assert "conformal, to hold 0.8 of the actual values, from" in card


def test_damaged_intervals_are_refused(bundle: Bundle) -> None:
    """Ends in the wrong order are no answer."""
    facts = read_json(bundle.folder / "model.json")
    facts["intervals"]["low"] = [1e9]
    damaged = SimpleNamespace(
        folder=bundle.folder, name=bundle.name, digest=bundle.digest, json=lambda name: facts if name else None
    )
    with pytest.raises(BundleError, match=r"model\.json must be one that Headrace wrote"):
        Scorer.open(damaged)  # type: ignore[arg-type]


def test_the_jvm_refuses_them_in_a_sentence(bundle: Bundle, tmp_path: Path) -> None:
    """Its library answers with the value alone, so that no jar is made."""
    with pytest.raises(InputError, match="a model for the JVM must answer without intervals"):
        write_jar(bundle, tmp_path)
