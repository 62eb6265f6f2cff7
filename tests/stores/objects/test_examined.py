"""A store that is there is told as such."""

from pathlib import Path

import pytest

from headrace.core.base.settings import StoreSettings
from headrace.pipelines.local.doctor import examine_here
from headrace.stores.objects.object_store import connect


def test_a_store_with_and_without_its_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: StoreSettings
) -> None:
    """Looking does not make the bucket, and a bucket that is not there yet is no fault."""
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    before = next(finding for finding in examine_here(tmp_path) if settings.bucket in finding.text)
    assert (before.state, before.remedy) == ("note", "the first run that publishes makes it")
    connect(settings)
    after = next(finding for finding in examine_here(tmp_path) if settings.bucket in finding.text)
    assert after.state == "good"
