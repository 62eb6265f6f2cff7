"""What a model may be named by."""

import gc
from pathlib import Path

import pytest

import headrace.api as hr
from headrace.api.model_reference import resolve_model
from headrace.core.runtime.processes import lease
from headrace.stores.objects.local_s3 import local_store


def test_a_run_a_bundle_and_their_folders_are_one_model(folder: Path) -> None:
    """Each stands for the bundle's folder."""
    run = hr.open_run("headrace-out/customers")
    bundle = run.home / "bundle"
    for model in (run, run.bundle, run.home, bundle, str(run.home), str(bundle)):
        assert resolve_model(model) == str(bundle)
        assert hr.open_bundle(model).digest == run.bundle.digest


def test_an_address_stays_as_it_is() -> None:
    """The store is asked for it later."""
    assert resolve_model("s3://headrace/models/a/b/") == "s3://headrace/models/a/b/"


@pytest.mark.parametrize(
    ("model", "error", "says"),
    [
        ("nowhere", hr.MissingError, "there is no folder nowhere"),
        (".", hr.InputError, "neither a run's summary.json nor a bundle's manifest.json"),
        (7, hr.InputError, "a model must be a path, a store URI, NAME@VERSION, a Run or a Bundle; got 7"),
    ],
)
def test_what_is_no_model_is_refused(folder: Path, model: str, error: type[Exception], says: str) -> None:
    """In one sentence that says what may be named."""
    with pytest.raises(error, match=says):
        hr.open_bundle(model)


def test_an_altered_bundle_is_refused(folder: Path) -> None:
    """Each file is verified."""
    with (folder / "headrace-out" / "customers" / "bundle" / "card.md").open("a") as stream:
        stream.write("!")
    with pytest.raises(hr.BundleError, match=r"card\.md"):
        _ = hr.open_run("headrace-out/customers").bundle


def test_a_bundle_of_the_store_is_there_as_long_as_its_object(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or where the caller wants it."""
    run = hr.open_run("headrace-out/customers")
    assert run.model
    with (
        lease(folder / "lease") as held,
        (folder / "store.log").open("wb") as log,
        local_store(run.home / "store", lease_path=held, log=log) as store,
    ):
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        bundle = hr.open_bundle(run.model.uri)
        kept = hr.open_bundle(run.model.uri, folder=folder / "kept")
    there = bundle.folder
    assert bundle.digest == kept.digest == run.model.digest
    assert (there / "manifest.json").is_file()
    del bundle
    gc.collect()
    assert not there.exists()
    assert (kept.folder, (folder / "kept" / "manifest.json").is_file()) == (folder / "kept", True)
