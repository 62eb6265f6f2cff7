"""Metrics that a pipeline reports to an address."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.core.base.settings import StoreSettings
from headrace.experiments.trials import metrics_report
from headrace.stores.objects.object_store import connect


def _set(settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)


@given(values=st.dictionaries(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_what_is_reported_is_read_back(values: dict[str, float], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every finite number, under every name."""
    path = str(tmp_path_factory.mktemp("reported") / "deep" / "metrics.json")
    metrics_report.report(values, path)
    assert metrics_report.read(path) == values


def test_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    """KFP puts texts, and truths as numbers, among an artifact's metadata."""
    told: dict[str, Any] = {"auc": 0.9, "display_name": "metrics", "good": True, "n": 3, "odd": float("nan")}
    assert metrics_report.report(told, str(tmp_path / "m.json")) == {"auc": 0.9, "n": 3.0}


def test_metrics_travel_through_an_object_store(settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address names bucket and key; the environment says where that is."""
    _set(settings, monkeypatch)
    connect(settings)
    address = f"s3://{settings.bucket}/studies/x/results/t-1.json"
    with pytest.raises(MissingError, match="holds no"):
        metrics_report.read(address)
    metrics_report.report({"auc": 0.5}, address)
    assert metrics_report.read(address) == {"auc": 0.5}


def test_a_store_that_is_not_set_or_has_no_such_bucket_is_named(
    rclone_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket is never made by reporting to it."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    with pytest.raises(InputError, match="set HEADRACE_S3_ENDPOINT"):
        metrics_report.report({"auc": 0.5}, "s3://headrace/m.json")
    _set(rclone_settings, monkeypatch)
    with pytest.raises(StoreError, match="no-such-bucket"):
        metrics_report.report({"auc": 0.5}, "s3://no-such-bucket/m.json")


@pytest.mark.parametrize("address", ["", "s3:/b/k", "s3://b", "s3://b/k/"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """Before anything is written."""
    with pytest.raises(InputError, match="must be reported to"):
        metrics_report.report({"auc": 0.5}, address)


def test_nothing_to_report_is_refused(tmp_path: Path) -> None:
    """A search could not tell such a trial from one that has not ended."""
    with pytest.raises(InputError, match="at least one metric"):
        metrics_report.report({"display_name": "metrics"}, str(tmp_path / "m.json"))


@pytest.mark.parametrize("text", ["[1]", '{"auc": "0.5"}', '{"auc": NaN}', "auc=0.5"])
def test_what_somebody_else_wrote_there_is_refused(text: str, tmp_path: Path) -> None:
    """Metrics are an object of finite numbers."""
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"m\.json must"):
        metrics_report.read(str(path))
