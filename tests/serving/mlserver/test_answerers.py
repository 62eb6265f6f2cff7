"""What the runtimes answer, without MLServer around them."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.monitoring.pumps import TARGET, PumpWeek
from headrace.core.base.errors import BundleError, InputError, RequestError
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.packaging.package import pack
from headrace.monitoring.monitors.run_monitors import run_monitors
from headrace.serving.mlserver.answerer import Answerer
from headrace.serving.mlserver.explanations import _tensors
from headrace.serving.mlserver.parameters import Answers, choose_answers, open_answerer
from headrace.stores.objects.open_objects import open_objects
from tests.made_bundle import make_parts
from tests.monitoring.monitors.pump_store import pump_bundle, store_week, week_window
from tests.serving.conftest import GOOD

DATATYPES = {"integer": "INT64", "number": "FP64", "string": "BYTES", "timestamp": "BYTES", "boolean": "BOOL"}


def _document(bundle: Bundle, rows: list[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    inputs = [
        {
            "name": column.name,
            "shape": [len(rows)],
            "datatype": DATATYPES[column.dtype],
            "data": [row[column.name] for row in rows],
        }
        for column in bundle.model().contract.inputs
        if column.name in rows[0]
    ]
    return {"inputs": inputs, **more}


def _open(bundle: Bundle, answers: Answers, **extra: Any) -> Answerer:
    return open_answerer(bundle.folder, name=bundle.name, answers=answers, extra=extra)


def _ask(answerer: Answerer, document: dict[str, Any]) -> dict[str, Any]:
    return asyncio.run(answerer.answer(document))


def _data(answer: dict[str, Any]) -> dict[str, list[Any]]:
    return {output["name"]: output["data"] for output in answer["outputs"]}


@pytest.mark.parametrize("size", [1, 37])
def test_drift_is_what_the_monitors_of_stored_rows_say(tmp_path: Path, size: int) -> None:
    """The rows of a warm week, however they come in requests, have the results that ``headrace monitor`` reports.

    Its other results need labels, the clock, the rows again, or requests that were stored twice.
    """
    week = PumpWeek(1, rows=300, warming=12)
    place = open_objects(str(tmp_path / "store"))
    frame = store_week(place, week)
    policy = MonitoringPolicy(window="week", monitors={name: MonitorRule() for name in MONITORS})
    report = run_monitors(pump_bundle(), place, week_window(week), policy)
    detector = _open(pump_bundle(), "drift", window_rows=str(frame.height), alpha=policy.alpha / 2)
    rows = frame.drop("time", TARGET, "inspection").to_dicts()
    answers = [_ask(detector, _document(pump_bundle(), rows[at : at + size])) for at in range(0, len(rows), size)]
    assert [set(_data(answer)) for answer in answers[:-1]] == [{"rows"}] * (len(answers) - 1)
    found = {(one["monitor"], one["subject"]): one for one in json.loads(answers[-1]["parameters"]["results"])}
    data = {
        (one.monitor, one.subject): one
        for one in report.results
        if MONITORS[one.monitor].level == "data"
        and one.monitor not in {"freshness", "duplicate_requests", "drift_attribution"}
    }
    shared = found.keys() & data.keys()
    assert shared >= {("input_drift", "temperature"), ("joint_drift", ""), ("prediction_drift", "")}
    assert data.keys() <= shared
    for key in shared:
        # The store's week is the sum of its days, within which chance expects fewer repeats.
        told = () if key[0] == "duplicate_rows" else ("p_value", "bound", "sentence")
        for field in ("status", "value", "rows", *told):
            assert found[key][field] == getattr(data[key], field), (key, field)
    last = _data(answers[-1])
    assert last["is_drift"] == [1]
    assert last["rows"] == [frame.height]
    tests = dict(zip(zip(last["monitor"], last["subject"], strict=True), last["p_val"], strict=True))
    assert tests["input_drift", "temperature"] == data["input_drift", "temperature"].p_value


def test_rows_that_the_contract_refuses_are_counted_and_end_nothing(bundle: Bundle) -> None:
    """A quarter of a window with an unseen category is a fault of the data."""
    detector = _open(bundle, "drift", window_rows=20)
    good, bad = dict(GOOD), {**GOOD, "plan": "gold"}
    _ask(detector, _document(bundle, [good] * 15))
    full = _ask(detector, _document(bundle, [bad] * 5))
    statuses = {
        (one["monitor"], one["subject"]): (one["status"], one["value"])
        for one in json.loads(full["parameters"]["results"])
    }
    assert statuses["contract_violations", "category: plan"] == ("data_fault", 0.25)


def test_a_window_begins_anew(bundle: Bundle) -> None:
    """What was in the full one is in no later one."""
    detector = _open(bundle, "drift", window_rows=20)
    counts = [_data(_ask(detector, _document(bundle, [GOOD] * 15)))["rows"] for _ in range(3)]
    assert counts == [[15], [30], [15]]


def test_outliers_answer_each_row_and_one_output_if_asked(bundle: Bundle) -> None:
    """A missing column is an outlier too; outputs that are not asked for stay away."""
    detector = _open(bundle, "outlier", alpha="0.01")
    found = _data(_ask(detector, _document(bundle, [GOOD, {**GOOD, "age": 10**6}])))
    assert found["is_outlier"] == [0, 1]
    assert [json.loads(reasons) for reasons in found["reasons"]] == [[], ["range: age"]]
    asked = _document(bundle, [{name: GOOD[name] for name in ("spend", "plan", "joined")}])
    only = _ask(detector, {**asked, "outputs": [{"name": "is_outlier"}], "id": "7"})
    assert (_data(only), only["id"]) == ({"is_outlier": [1]}, "7")
    with pytest.raises(RequestError, match="outputs must be among is_outlier"):
        _ask(detector, {**asked, "outputs": [{"name": "score"}]})


@pytest.mark.parametrize("answers", ["drift", "outlier"])
def test_what_is_no_table_is_refused(bundle: Bundle, answers: Answers) -> None:
    """Tensors of other lengths, and none, and too many rows, are no rows that a detector can look at."""
    detector = _open(bundle, answers)
    document = _document(bundle, [GOOD])
    document["inputs"][0] = {**document["inputs"][0], "shape": [2], "data": [1, 2]}
    with pytest.raises(RequestError, match="all tensors must have one shape"):
        _ask(detector, document)
    with pytest.raises(RequestError, match="at least one row"):
        _ask(detector, {"inputs": [{**one, "shape": [0], "data": []} for one in document["inputs"]]})
    many = {"name": "age", "datatype": "INT64", "shape": [100_001], "data": [1] * 100_001}
    with pytest.raises(RequestError, match="at most 100000 rows"):
        _ask(detector, {"inputs": [many]})


def test_explanations_of_more_classes_have_one_more_axis() -> None:
    """Rows, classes, columns, in this order."""
    row = {
        "classes": {
            "a": {"base": 0.1, "contributions": {"x": 1.0, "y": 2.0}},
            "b": {"base": 0.2, "contributions": {"x": 3.0, "y": 4.0}},
        }
    }
    contributions, base = _tensors([{"scale": "log-odds", **row}] * 3)
    assert contributions["shape"] == [3, 2, 2]
    assert contributions["data"] == [1.0, 2.0, 3.0, 4.0] * 3
    assert (base["shape"], base["data"]) == ([3, 2], [0.1, 0.2] * 3)
    assert contributions["parameters"] == {"columns": '["x","y"]', "classes": '["a","b"]', "scale": "log-odds"}


@pytest.mark.parametrize(
    ("extra", "answers"),
    [
        ({}, "predictions"),
        ({"detector": "drift"}, "drift"),
        ({"detector": "outlier"}, "outlier"),
        ({"explainer_type": "anchor_tabular", "infer_uri": "http://x"}, "explanations"),
    ],
)
def test_parameters_choose_what_is_answered(extra: dict[str, Any], answers: str) -> None:
    """Those of a Model of Seldon Core 2, and those that both versions of Seldon write for an explainer."""
    assert choose_answers(extra) == answers


@pytest.mark.parametrize(
    ("answers", "extra", "says"),
    [
        ("predictions", {"detectors": "drift"}, "may be none; got 'detectors'"),
        ("outlier", {"window_rows": "50"}, "may be alpha, detector; got 'window_rows'"),
        ("drift", {"window_rows": "many"}, "window_rows must be a whole number; got 'many'"),
        ("drift", {"window_rows": "5"}, "window_rows must be 20 to 1000000; got 5"),
        ("drift", {"alpha": "2"}, "alpha"),
        ("outlier", {"alpha": "0"}, "alpha must be above 0 and below 1; got 0.0"),
    ],
)
def test_a_wrong_parameter_is_one_sentence(bundle: Bundle, answers: Answers, extra: dict[str, Any], says: str) -> None:
    """No parameter is ignored, and none falls back to a default."""
    with pytest.raises(InputError, match=says):
        _open(bundle, answers, **extra)


@pytest.mark.parametrize("extra", [{"detector": "lof"}, {"detector": "drift", "explainer_type": "x"}])
def test_a_model_is_one_thing(extra: dict[str, Any]) -> None:
    """An unknown detector, and a detector that explains."""
    with pytest.raises(InputError, match="detector must be one of drift, outlier"):
        choose_answers(extra)


def _copy(bundle: Bundle, folder: Path) -> Path:
    return Path(shutil.copytree(bundle.folder, folder / "copy"))


def test_settings_that_seldon_rewrites_do_not_make_a_bundle_another(bundle: Bundle, tmp_path: Path) -> None:
    """Seldon Core 2 writes name and version into ``model-settings.json``; the digest stays, other readers refuse it."""
    folder = _copy(bundle, tmp_path)
    (folder / "model-settings.json").write_text('{"name": "customers_1", "parameters": {"version": "1"}}')
    answerer = open_answerer(folder, name="customers_1", answers="predictions", extra={})
    answer = _ask(answerer, _document(bundle, [GOOD]))
    assert (answer["model_name"], answer["model_version"]) == ("customers_1", bundle.digest)
    with pytest.raises(BundleError, match=r"model-settings\.json is changed"):
        open_bundle(folder)


@pytest.mark.parametrize("file", ["model.py", "model.joblib", "model.onnx"])
def test_no_other_file_may_differ(bundle: Bundle, tmp_path: Path, file: str) -> None:
    """A file that is code, or a pickle, or another model, is refused before anything is loaded."""
    folder = _copy(bundle, tmp_path)
    (folder / file).write_bytes(b"raise SystemExit")
    with pytest.raises(BundleError, match=f"{file} is (not in the manifest|changed)"):
        open_answerer(folder, name="x", answers="predictions", extra={})


def test_a_bundle_without_a_profile_detects_nothing(tmp_path: Path) -> None:
    """It says which file it lacks."""
    parts, source = make_parts(tmp_path)
    bare = pack(tmp_path / "bundle", parts=replace(parts, train_table=None), source=source)
    with pytest.raises(BundleError, match=r"profile\.json"):
        _open(bare, "drift")
