"""A worker opens the model that the driver chose, or none."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

import headrace.api as hr
from headrace.core.base.errors import BundleError, MissingError
from headrace.core.runtime.processes import lease
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from tests.made_bundle import copy_bundle

ROW = {"age": [30], "spend": [2.5], "plan": ["basic"], "joined": ["2024-05-01 10:15:00"]}


def test_another_bundle_at_the_address_is_refused(tmp_path: Path) -> None:
    """Half of the rows would be scored by it otherwise."""
    scorer = hr.spark_scorer(copy_bundle(tmp_path).folder)
    other = replace(scorer, pinned=replace(scorer.pinned, digest="0" * 64))
    found = scorer.pinned.digest[:12]
    with pytest.raises(BundleError, match=rf"must hold the bundle 000000000000 of customers, .* it holds {found}"):
        list(other(iter([pa.RecordBatch.from_pydict(ROW)])))


def test_a_folder_that_this_executor_lacks_is_named(tmp_path: Path) -> None:
    """With where it was looked for, and what else there is."""
    folder = copy_bundle(tmp_path / "one").folder
    scorer = hr.spark_scorer(folder)
    shutil.rmtree(folder)
    with pytest.raises(MissingError, match=rf"looked at {folder}: name a store URI or a shared folder, or send"):
        scorer.pinned.open()


def test_executors_may_have_it_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder is looked for where the worker runs; the driver's own copy is not needed there."""
    folder = copy_bundle(tmp_path / "driver").folder
    scorer = hr.spark_scorer(folder, executor_path="frauds")
    (tmp_path / "executor").mkdir()
    folder.rename(tmp_path / "executor" / "frauds")
    monkeypatch.chdir(tmp_path / "executor")
    (answer,) = scorer(iter([pa.RecordBatch.from_pydict(ROW)]))
    assert answer.column("status").to_pylist() == ["scored"]
    assert scorer.pinned.location == "frauds"


def test_each_worker_fetches_a_bundle_from_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And keeps nothing of it on its disk: the model is in memory."""
    (tmp_path / "store").mkdir()
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "store.log").open("wb") as log,
        local_store(tmp_path / "store", lease_path=held, log=log) as settings,
    ):
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        scorer = hr.spark_scorer(publish(copy_bundle(tmp_path / "one").folder, connect(settings)))
        (answer,) = scorer(iter([pa.RecordBatch.from_pydict(ROW)]))
    assert scorer.pinned.location.startswith("s3://")
    assert answer.column("status").to_pylist() == ["scored"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_model_that_fails_its_own_cases_never_reaches_spark(tmp_path: Path) -> None:
    """It is opened at the driver once, before a job runs."""
    folder = copy_bundle(tmp_path / "one").folder
    (folder / "cases.json").write_text("{}")
    with pytest.raises(BundleError, match=r"cases\.json"):
        hr.spark_topic_scorer(folder, answers="scores")
