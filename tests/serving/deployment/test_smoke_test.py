"""The rehearsal before a bundle is published: a clean process, every case, and nothing left of it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import BundleError, InternalError
from headrace.core.base.files import read_json, write_json
from headrace.core.bundles import integrity
from headrace.core.bundles.bundle import Bundle
from headrace.serving.deployment import local
from headrace.serving.deployment.smoke_test import run_smoke_test


def _altered(bundle: Bundle, folder: Path, name: str, change: Callable[[Any], Any]) -> Path:
    """A bundle with another file that is still whole."""
    made = shutil.copytree(bundle.folder, folder)
    write_json(made / name, change(read_json(made / name)))
    (made / "manifest.json").unlink()
    (made / "manifest.json").write_text(integrity.make(made, bundle.name).dumps())
    return made


def _rehearsing() -> list[str]:
    """Command lines of servers that run isolated; those of other tests do not."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text().replace("\0", " "))
        except OSError:
            continue
    return [text for text in found if "-I -m headrace.serving.server" in text]


def test_a_good_bundle_answers_in_a_clean_process(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server sees no variable of this process: neither keys nor whatever would change how it starts."""
    monkeypatch.setenv("HEADRACE_S3_ENDPOINT", "not even an address")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "orjson.py").write_text("raise SystemExit('imported from PYTHONPATH')")
    monkeypatch.chdir(tmp_path)
    run_smoke_test(bundle.folder)
    assert not [text for text in _rehearsing() if str(bundle.folder) in text]


def test_the_environment_of_a_clean_server_is_bare(bundle: Bundle, tmp_path: Path) -> None:
    """It holds a path and a language, and nothing else."""
    from headrace.core.runtime.processes import lease

    os.environ["HEADRACE_TEST_SECRET"] = "s3cret"
    try:
        with lease(tmp_path / "lease") as held:
            one = local.LocalDeployer(lease_path=held, log=tmp_path / "log", clean=True)
            endpoint = one.deploy(str(bundle.folder))
            try:
                told = Path(f"/proc/{endpoint.pid}/environ").read_bytes()
                children = Path(f"/proc/{endpoint.pid}/task/{endpoint.pid}/children").read_text().split()
                told += b"".join(Path(f"/proc/{child}/environ").read_bytes() for child in children)
            finally:
                one.undeploy(endpoint)
    finally:
        del os.environ["HEADRACE_TEST_SECRET"]
    assert children
    assert {item.split(b"=")[0] for item in told.split(b"\0") if item} <= {b"PATH", b"LANG", b"LC_CTYPE"}


def test_a_bundle_that_answers_otherwise_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    """A later case that the server does not ask itself when it starts is asked here."""

    def change(cases: Any) -> Any:
        cases["cases"][-1]["expected"]["label"] = "no" if cases["cases"][-1]["expected"]["label"] == "yes" else "yes"
        return cases

    folder = _altered(bundle, tmp_path / "other", "cases.json", change)
    with pytest.raises(BundleError, match=r"must (answer its|boot)") as caught:
        run_smoke_test(folder)
    assert "label" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bundle_that_cannot_boot_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    """With the server's own sentence."""
    folder = _altered(bundle, tmp_path / "other", "engine.json", lambda record: {**record, "engine": "abacus"})
    with pytest.raises(
        BundleError, match=r"must boot before it is published; engine in .* must be onnx, sklearn or mojo"
    ):
        run_smoke_test(folder)


def test_a_server_that_breaks_is_our_mistake(bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What it said stands in the sentence, for its log is gone."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho the disk is on fire; exit 7\n")
    broken.chmod(0o755)
    monkeypatch.setattr(local.sys, "executable", str(broken))
    monkeypatch.setattr("headrace.core.runtime.processes.sys.executable", str(broken))
    with pytest.raises(InternalError, match="the disk is on fire"):
        run_smoke_test(bundle.folder)


def test_nothing_is_stored_of_a_bundle_that_fails(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step rehearses before it writes: the store stays as it was."""
    from headrace.core.runtime.processes import lease
    from headrace.stores.bundles.bundle_store import publish_step
    from headrace.stores.objects.local_s3 import local_store
    from headrace.stores.objects.object_store import connect

    folder = _altered(bundle, tmp_path / "other", "engine.json", lambda record: {**record, "engine": "abacus"})
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "log").open("wb") as log,
        local_store(tmp_path / "store", lease_path=held, log=log) as settings,
    ):
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        with pytest.raises(BundleError, match="must boot"):
            publish_step(folder, record=tmp_path / "record", rehearse=run_smoke_test)
        assert list(connect(settings).list()) == []
        assert not (tmp_path / "record").exists()
        told: list[str] = []
        facts = publish_step(bundle.folder, record=tmp_path / "record", rehearse=run_smoke_test, say=told.append)
        assert json.loads((tmp_path / "record").read_text()) == facts
        assert told[0] == "the rehearsal"
