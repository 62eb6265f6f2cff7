"""The whole line with a store that is somebody else's."""

import json
from pathlib import Path

import pytest

from headrace.core.base.settings import StoreSettings
from headrace.stores.bundles.bundle_store import fetch
from headrace.stores.objects.object_store import connect
from tests.conftest import headrace, write_table


@pytest.mark.minio
@pytest.mark.timeout(300)
def test_the_line_publishes_to_a_real_minio(minio_settings: StoreSettings, tmp_path: Path) -> None:
    """With `HEADRACE_S3_*` set, table and bundle live in that store, no local one is made, and no log holds a key."""
    table, home = write_table(tmp_path / "customers.csv", rows=300), tmp_path / "out"
    store = connect(minio_settings)
    store.put_file("raw/customers.csv", table)
    source = f"s3://{minio_settings.bucket}/raw/customers.csv"
    ended = headrace(
        "run", source, "--target", "churn", "--budget", "2", "--output", str(home), **minio_settings.environment()
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    summary = json.loads((home / "summary.json").read_text())
    assert summary["endpoint"]["verified"]
    assert not (home / "store").exists()
    fetched = fetch(summary["model"]["uri"], tmp_path / "bundle", settings=minio_settings)
    assert (fetched / "manifest.json").read_bytes() == (home / "bundle" / "manifest.json").read_bytes()
    written = "".join(path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())
    assert minio_settings.secret_key not in written + ended.stdout + ended.stderr
