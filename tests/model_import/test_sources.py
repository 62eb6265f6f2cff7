"""Models of runs and registries: found, read and left as they are."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

import headrace.api as hr
from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.runtime.processes import lease
from headrace.model_import.sources import open_model
from headrace.registry.backends.locations import registry_location
from headrace.registry.lineage.graph import of_bundle
from headrace.registry.mlflow.client import connect
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.submission import ModelSubmission
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect as connect_store
from tests.model_import import made_models as made
from tests.real import mlflow_models
from tests.real.mlflow_server import mlflow_server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A store of another project in a SQLite file, and a run in it whose model is registered."""
    folder = tmp_path_factory.mktemp("store")
    address = str(folder / "mlflow.db")
    client = connect(registry_location(address))
    experiment = client.create_experiment("others", artifact_location=(folder / "files").as_uri())
    run = client.create_run(experiment, tags={"mlflow.source.git.commit": "c" * 40}).info.run_id
    client.log_artifacts(run, str(made.sklearn_model(folder / "model", run_id=run)), "path/credit")
    client.create_registered_model("Credit risk")
    for alias in ("champion", "production"):
        version = client.create_model_version("Credit risk", f"runs:/{run}/path/credit", run_id=run).version
        client.set_registered_model_alias("Credit risk", alias, version)
    return address, run


def test_each_address_finds_the_model(store: tuple[str, str], tmp_path: Path) -> None:
    """By run, version and alias; the provenance tells run, commit and version, and the name follows the registry."""
    address, run = store
    given = {
        f"runs:/{run}/path/credit": ("credit", ""),
        "models:/Credit%20risk/1": ("credit-risk", "Credit risk/1"),
        "models:/Credit risk@production": ("credit-risk", "Credit risk/2"),
    }
    for place, (model, (name, registered)) in enumerate(given.items()):
        bundle = hr.import_model(model, tmp_path / str(place), registry=address)
        facts = Provenance.from_json(bundle.json("provenance.json")).imported
        assert facts is not None
        assert (bundle.name, facts.registered, facts.run, facts.commit) == (name, registered, run, "c" * 40)
        assert facts.source == model


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("runs:/{run}/absent", "must hold a model at 'absent'"),
        ("runs:/abc/model", "there is no run abc"),
        ("models:/nobody/1", "there is no version 1 of a model 'nobody'"),
        ("models:/Credit risk/9", "there is no version 9"),
        ("models:/Credit risk@nobody", "with the alias 'nobody'"),
        ("models:/m-" + "0" * 32, "there is no model m-0"),
        ("models:/Credit risk/Production", "a version must be a number, or an alias after an @"),
        ("models:/", "a model must be runs:/RUN/PATH"),
    ],
)
def test_what_is_not_there_is_named(store: tuple[str, str], model: str, told: str, tmp_path: Path) -> None:
    """A run, a version, an alias, and a stage, which MLflow 3 has no more."""
    with pytest.raises((MissingError, InputError), match=told):
        hr.import_model(model.format(run=store[1]), tmp_path / "new", registry=store[0])
    assert not (tmp_path / "new").exists()


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """An import only reads."""
    with pytest.raises(MissingError, match="there is no store of MLflow"):
        hr.import_model("models:/credit/1", tmp_path / "new", registry=str(tmp_path / "absent.db"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="must be in a folder, in s3:// or behind an MLflow server"):
        hr.import_model("gs://bucket/model", tmp_path / "new")
    with pytest.raises(InputError, match="needs an object store"):
        hr.import_model("s3://bucket/model", tmp_path / "new")


def test_a_bucket_gives_its_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the keys of HEADRACE_S3_*; the name is the last part of the address."""
    model = made.sklearn_model(tmp_path / "model")
    (tmp_path / "buckets").mkdir()
    with contextlib.ExitStack() as stack:
        lease_path = stack.enter_context(lease(tmp_path / "lease"))
        log = stack.enter_context((tmp_path / "log").open("wb"))
        settings = stack.enter_context(local_store(tmp_path / "buckets", lease_path=lease_path, log=log))
        store = connect_store(settings)
        for path in model.iterdir():
            store.put_file(f"a/credit/{path.name}", path, "application/octet-stream")
        for name in ("endpoint", "bucket", "access_key", "secret_key"):
            monkeypatch.setenv(f"HEADRACE_S3_{name.upper()}", getattr(settings, name))
        address = f"s3://{settings.bucket}/a/credit"
        bundle = hr.import_model(address, tmp_path / "new")
        assert (bundle.name, bundle.json("provenance.json")["imported"]["source"]) == ("credit", address)
        with pytest.raises(MissingError, match="must hold the file MLmodel"):
            hr.import_model(f"s3://{settings.bucket}/a/absent", tmp_path / "other")


@contextlib.contextmanager
def answering(status: int) -> Iterator[str]:
    """A server in the place of MLflow's that answers everything with one status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "told"), [(401, "refuses the login"), (403, "refuses the request"), (0, "is not reachable")]
)
def test_a_server_that_refuses_or_is_down(
    status: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence that names it; no real server refuses here, so that one of Python's answers in its place."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(answering(status)) if status else "http://127.0.0.1:9"
        with pytest.raises(StoreError, match=told):
            hr.import_model("models:/credit/1", tmp_path / "new", registry=url)


def test_models_of_others_stay_as_they_are(store: tuple[str, str], tmp_path: Path) -> None:
    """Ours is listed, theirs is not ours; a version under the same name comes after theirs and takes no alias away."""
    address, run = store
    client = MlflowClient(tracking_uri=f"sqlite:///{address}", registry_uri=f"sqlite:///{address}")
    client.create_registered_model("credit-risk")
    theirs = client.create_model_version("credit-risk", f"runs:/{run}/path/credit", run_id=run)
    client.set_registered_model_alias("credit-risk", "production", theirs.version)
    registry = open_registry(address)
    assert registry.models() == []
    bundle = hr.import_model("models:/Credit risk@champion", tmp_path / "new", registry=address)
    submission = ModelSubmission.read(bundle.folder, uri=f"s3://models/models/credit-risk/{bundle.digest}/")
    version = registry.register(submission, by="ann")
    assert [(one.model, len(one.versions)) for one in registry.models()] == [("credit-risk", 1)]
    assert version.number == 2
    shown = client.get_registered_model("credit-risk")
    assert {name: int(number) for name, number in shown.aliases.items()} == {"production": 1}
    assert client.get_model_version("credit-risk", "1").source == theirs.source
    assert client.get_registered_model("Credit risk").aliases.keys() == {"champion", "production"}
    made_by = client.get_run(client.get_model_version("credit-risk", "2").run_id)
    assert made_by.data.tags["headrace.imported.registered"] == "Credit risk/1"
    assert not made_by.inputs.dataset_inputs  # nobody knows the rows
    assert client.get_run(run).data.tags["mlflow.source.git.commit"] == "c" * 40
    assert [node.title for node in of_bundle(submission).nodes] == ["mlflow: Credit risk/1", "imported", "credit-risk"]


_LOG = """
import sys
import mlflow, numpy as np, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment(experiment_name="others")
frame = pd.DataFrame({"a": np.arange(10.0), "b": np.arange(10.0)[::-1]})
fitted = LogisticRegression().fit(frame, frame["a"] > 4)
with mlflow.start_run() as run:
    logged = mlflow.sklearn.log_model(
        fitted, name="clf", signature=infer_signature(frame), registered_model_name="credit",
        input_example=frame.head(2), pip_requirements=["scikit-learn"],
    )
mlflow.MlflowClient().set_registered_model_alias("credit", "champion", 1)
print("\\n", run.info.run_id, logged.model_id)
"""


@pytest.mark.mlflow
@pytest.mark.postgres
def test_a_real_server_gives_its_models(tmp_path: Path) -> None:
    """A model that MLflow 3 logged beside its run, through the server's own files; the same bundle by each address."""
    with mlflow_server(tmp_path) as url:
        run, model = mlflow_models.run("-c", _LOG, url).split()[-2:]
        addresses = (f"runs:/{run}/clf", "models:/credit/1", "models:/credit@champion", f"models:/{model}")
        bundles = [
            hr.import_model(address, tmp_path / str(place), registry=url, name="credit")
            for place, address in enumerate(addresses)
        ]
        assert len({(bundle.folder / "model.onnx").read_bytes() for bundle in bundles}) == 1
        records = [Provenance.from_json(bundle.json("provenance.json")).imported for bundle in bundles]
        assert [one.registered for one in records if one] == ["", "credit/1", "credit/1", ""]
        assert {(one.run, one.model) for one in records if one} == {(run, model)}
        with pytest.raises(MissingError, match="there is no version 2"):
            hr.import_model("models:/credit/2", tmp_path / "new", registry=url)
        assert open_registry(url).models() == []


@pytest.mark.mlflow
def test_a_folder_of_runs_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow 3.17 refuses its own store of files ("is in maintenance mode") unless MLFLOW_ALLOW_FILE_STORE is set.

    Source: running MLflow 3.17.2 with ``file:///.../mlruns``; the variable is named in its message.
    """
    place = tmp_path / "mlruns"
    mlflow_models.run("-c", _LOG, place.as_uri(), MLFLOW_ALLOW_FILE_STORE="true")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")  # MLflow 3.17.2 would leave mlflow.db in the current folder
    with open_model("models:/credit@champion", registry=str(place)) as (folder, origin):
        assert (folder / "MLmodel").is_file()
        assert origin.registered == "credit/1"
    assert list((tmp_path / "here").iterdir()) == []
