"""A baseline's bundle on the real server: the same constants for every row, by every protocol."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tritonclient.grpc as triton_grpc

from headrace.core.packaging.baseline_bundle import make_baseline_bundle
from headrace.serving.deployment.verify import verify
from tests.made_bundle import copy_bundle
from tests.serving.conftest import GOOD, Running, running
from tests.serving.test_clients import ROWS, inputs

MANY = [*ROWS, *({**GOOD, "age": age, "plan": plan} for age in (18, 90) for plan in ("basic", "premium"))]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[str, float]]]:
    """A server of a baseline, and the shares of the classes in the training rows."""
    folder = tmp_path_factory.mktemp("baseline")
    original = copy_bundle(folder / "original")
    targets = pl.read_parquet(folder / "original" / "train").get_column("churn").cast(pl.String).to_list()
    baseline = make_baseline_bundle(original, folder / "bundle")
    with running(baseline.folder, folder / "server", "--grpc-port", "0") as found:
        result = verify(found.remote.url, bundle=baseline)
        assert (result["verified"], result["failures"]) == (True, [])
        yield found, {name: targets.count(name) / len(targets) for name in ("no", "yes")}


def test_v1_answers_with_the_constants(served: tuple[Running, dict[str, float]]) -> None:
    """Whatever the row holds; a row that breaks the contract is refused as by any model."""
    server, shares = served
    reply = server.remote.predict(MANY)
    label = max(shares, key=lambda name: shares[name])
    assert reply.document == {"predictions": [{"label": label, "probabilities": shares}] * len(MANY)}
    assert server.remote.predict([{**GOOD, "plan": "gold"}]).status == 400


def test_v2_answers_with_the_constants(served: tuple[Running, dict[str, float]]) -> None:
    """In JSON, with the names of the outputs that any model of this contract has."""
    server, shares = served
    datatypes = {"age": "INT64", "spend": "FP64", "plan": "BYTES", "joined": "BYTES"}
    tensors = [{"name": name, "datatype": datatypes[name], "shape": [1], "data": [GOOD[name]]} for name in GOOD]
    status, answer, _ = server.ask("POST", "/v2/models/customers/infer", json.dumps({"inputs": tensors}).encode())
    assert status == 200
    assert {one["name"]: one["data"] for one in answer["outputs"]}["probabilities"] == list(shares.values())


def test_grpc_answers_with_the_constants(served: tuple[Running, dict[str, float]]) -> None:
    """To the bit."""
    server, shares = served
    with triton_grpc.InferenceServerClient(server.grpc) as client:
        result = client.infer("customers", inputs(triton_grpc))
    found = np.asarray(result.as_numpy("probabilities")).reshape(len(ROWS), -1)
    np.testing.assert_array_equal(found, [list(shares.values())] * len(ROWS))


def test_the_folder_of_the_original_is_untouched(tmp_path: Path) -> None:
    """A baseline is made beside the bundle, of which no byte changes."""
    original = copy_bundle(tmp_path / "original")
    before = {path: path.read_bytes() for path in original.folder.rglob("*") if path.is_file()}
    make_baseline_bundle(original, tmp_path / "bundle")
    assert {path: path.read_bytes() for path in original.folder.rglob("*") if path.is_file()} == before
