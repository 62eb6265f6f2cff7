"""Exports to Seldon and MLServer."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import headrace.api as hr
from headrace.cli.main import app
from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.packaging import flavors
from headrace.serving.seldon.export import write_repository
from headrace.serving.seldon.target import SeldonTarget
from headrace.stores.bundles import bundle_store
from tests.conftest import REPOSITORY, headrace
from tests.made_bundle import copy_bundle, make_bundle

URI = "s3://headrace/models/customers/latest/"
IMAGE = "registry.example/mlserver:1"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle."""
    return copy_bundle(tmp_path_factory.mktemp("made"))


def _objects(path: Path) -> dict[tuple[str, str], Any]:
    found = list(yaml.safe_load_all(path.read_text()))
    return {(one["kind"], one["metadata"]["name"]): one["spec"] for one in found}


def test_a_model_on_core_2_is_fetched_from_its_address(bundle: Bundle, tmp_path: Path) -> None:
    """With a Server only if there is an image, whose memory holds all models."""
    written = hr.export(bundle, folder=tmp_path, to="seldon", uri=URI, name="shop")
    assert written.objects == ("Model/shop",)
    assert _objects(written.path)["Model", "shop"]["storageUri"] == URI
    more = hr.export(
        bundle, folder=tmp_path, to="seldon", uri=URI, image=IMAGE, memory="1Gi", detectors=["drift"], replicas=3
    )
    objects = _objects(more.path)
    container = objects["Server", "mlserver-headrace"]["podSpec"]["containers"][0]
    assert container["resources"] == {"requests": {"memory": "2304Mi"}}
    assert (objects["Model", "customers"]["replicas"], objects["Model", "customers-drift"]["replicas"]) == (3, 1)
    assert objects["Model", "customers-drift"]["requirements"] == objects["Server", "mlserver-headrace"]["capabilities"]


def test_equal_exports_are_equal_bytes(bundle: Bundle, tmp_path: Path) -> None:
    """No time and no place of this machine is in them."""
    first, again = (
        hr.export(bundle, folder=tmp_path / name, to="seldon-v1", uri=URI, image=IMAGE) for name in ("a", "b")
    )
    assert first.path.read_bytes() == again.path.read_bytes()
    assert first.requirements.read_bytes() == again.requirements.read_bytes()
    assert str(tmp_path) not in first.path.read_text()


def test_the_requirements_are_those_that_the_bundle_was_made_with(bundle: Bundle, tmp_path: Path) -> None:
    """Detectors need scipy more than predictions with ONNX; each pin is the bundle's own."""
    plain = hr.export(bundle, folder=tmp_path / "a", to="mlserver").requirements.read_text()
    detecting = hr.export(bundle, folder=tmp_path / "b", to="mlserver", detectors=["outlier"]).requirements.read_text()
    own = (bundle.folder / "requirements.txt").read_text()
    assert _pins(plain) == _pins(own)
    assert {pin.partition("==")[0] for pin in _pins(detecting) - _pins(plain)} == {"scipy", "threadpoolctl"}
    assert _pins(detecting) <= _pins((bundle.folder / "requirements.lock").read_text()) | _pins(own)


def _pins(text: str) -> set[str]:
    return {line for line in text.splitlines() if "==" in line and not line.startswith("#")}


def test_a_repository_of_models_names_runtimes_that_are_there(bundle: Bundle, tmp_path: Path) -> None:
    """The bundle lies in it as it is; the settings beside it refer to it and to classes of the suite."""
    written = hr.export(
        bundle,
        folder=tmp_path / "models",
        to="mlserver",
        detectors=["drift", "outlier"],
        explainer=True,
        window_rows=50,
    )
    assert written.models == ("customers", "customers-drift", "customers-outlier", "customers-explainer")
    assert open_bundle(written.path / "customers").digest == bundle.digest
    runtime = (REPOSITORY / "serving" / "mlserver" / "runtime.py").read_text()
    for name in written.models:
        settings = json.loads((written.path / name / flavors.MLSERVER).read_text())
        assert settings["name"] == name
        module, _, runtime_class = settings["implementation"].rpartition(".")
        assert module == "headrace.serving.mlserver_runtime"
        assert f"class {runtime_class}(" in runtime
        assert (written.path / name / settings.get("parameters", {}).get("uri", ".")).resolve().name == "customers"
    told = json.loads((written.path / "customers-drift" / flavors.MLSERVER).read_text())
    assert told["parameters"]["extra"] == {"window_rows": 50}


def test_a_folder_with_something_in_it_is_left_alone(bundle: Bundle, tmp_path: Path) -> None:
    """A repository is whole or absent, and nothing is mixed into another one."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "x").write_text("mine")
    with pytest.raises(InputError, match="new or empty folder"):
        hr.export(bundle, folder=tmp_path / "models", to="mlserver")
    assert [path.name for path in tmp_path.rglob("*")] == ["models", "x"]


def test_a_rollout_takes_versions_from_the_store(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candidate and mirror are verified, and named by their addresses; the model itself may be named by its own too."""
    other = make_bundle(tmp_path / "other", family="knn")
    third = make_bundle(tmp_path / "third", family="naive_bayes")
    stored = {f"s3://b/models/customers/{one.digest}/": one.folder for one in (bundle, other, third)}
    monkeypatch.setattr(bundle_store, "fetch", lambda uri, _folder: stored[uri])
    main, candidate, mirror = stored
    written = hr.export(
        main, folder=tmp_path, to="seldon", candidate=candidate, candidate_percent=20, mirror=mirror, mirror_percent=30
    )
    objects = _objects(written.path)
    assert [objects["Model", name]["storageUri"] for name in ("customers", "customers-candidate")] == [main, candidate]
    assert objects["Experiment", "customers-experiment"] == {
        "default": "customers",
        "candidates": [{"name": "customers", "weight": 80}, {"name": "customers-candidate", "weight": 20}],
        "mirror": {"name": "customers-mirror", "percent": 30},
    }
    v1 = hr.export(main, folder=tmp_path, to="seldon-v1", image=IMAGE, candidate=candidate, mirror=mirror)
    predictors = _objects(v1.path)["SeldonDeployment", "customers"]["predictors"]
    assert [(one["name"], one.get("traffic"), one.get("shadow")) for one in predictors] == [
        ("default", 90, None), ("candidate", 10, None), ("mirror", 100, True),
    ]  # fmt: skip
    with pytest.raises(InputError, match="must be another version"):
        hr.export(main, folder=tmp_path, to="seldon", candidate=main)


@pytest.mark.parametrize(
    ("to", "options", "says"),
    [
        ("seldon", {}, "Seldon fetches a bundle from a store, and .* is a folder of this machine"),
        ("seldon", {"uri": "models/customers"}, "got 'models/customers'"),
        ("seldon", {"uri": f"s3://b/{'0' * 64}/"}, "must be that of the bundle"),
        ("seldon", {"uri": URI, "name": "My_Model"}, "a name on Seldon must be"),
        ("seldon", {"uri": URI, "memory": "much"}, "a quantity must be written"),
        ("seldon", {"uri": URI, "memory": "1Ki"}, "memory must be at least 1Mi"),
        ("seldon", {"uri": URI, "namespace": "N S"}, "a namespace is at most 63"),
        ("seldon", {"uri": URI, "secret": "A B"}, "the name of a Secret is at most 253"),
        ("seldon", {"uri": URI, "image": "a b"}, "an image is named as HOST/PATH:TAG"),
        ("seldon", {"uri": URI, "detectors": ["drift", "drift"]}, "each detector can be named once"),
        ("seldon", {"uri": URI, "detectors": ["lof"]}, "a detector must be one of drift, outlier"),
        ("seldon", {"uri": URI, "replicas": 0}, "replicas must be 1 to 1000"),
        ("seldon", {"uri": URI, "candidate_percent": 5}, "candidate_percent goes with candidate"),
        ("seldon", {"uri": URI, "window_rows": 50}, "window_rows goes with the detector drift"),
        ("seldon", {"uri": URI, "server": "x"}, "server goes with image"),
        ("seldon", {"uri": URI, "library": "x.jar"}, "an export to seldon has no option library"),
        ("seldon-v1", {"uri": URI}, "name its image with --image"),
        ("seldon-v1", {"uri": URI, "image": IMAGE, "server": "x"}, "an export to seldon-v1 has no option server"),
        ("mlserver", {"image": IMAGE}, "an export to mlserver has no option image"),
        ("jvm", {"image": IMAGE}, "an export to jvm has no option image; it has library"),
        ("onnx", {}, "models are exported to jvm, seldon, seldon-v1, mlserver; got 'onnx'"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_writes_nothing(
    bundle: Bundle, tmp_path: Path, to: Any, options: dict[str, Any], says: str
) -> None:
    """An option of another platform is refused too, for it would have no effect."""
    with pytest.raises(InputError, match=says):
        hr.export(bundle, folder=tmp_path / "out", to=to, **options)
    assert not (tmp_path / "out").exists()


def test_the_command_tells_what_it_wrote_and_what_comes_next(bundle: Bundle, tmp_path: Path) -> None:
    """The objects, and the command that applies them; a wrong option ends with 2."""
    given = ["export", str(bundle.folder), "--to", "seldon", "--uri", URI, "--detector", "outlier", "-o", str(tmp_path)]
    shown = CliRunner().invoke(app, given)
    assert shown.exit_code == 0, shown.output
    assert "Model/customers, Model/customers-outlier, Pipeline/customers-pipeline" in shown.output
    assert shown.output.strip().splitlines()[-1] == f"Next: kubectl apply -f {tmp_path}/customers.yaml"
    wrong = headrace("export", str(bundle.folder), "--to", "mlserver", "--image", "x", "-o", str(tmp_path / "models"))
    assert wrong.returncode == 2
    assert "has no option image" in wrong.stderr


@pytest.mark.parametrize(
    ("file", "options", "says"),
    [
        ("profile.json", {"detectors": ["outlier"]}, "a detector needs the profile.json .* customers has none"),
        ("explain.json", {"explainer": True}, "an explainer needs a model with exact contributions"),
    ],
)
def test_what_the_bundle_cannot_do_is_refused_before_a_server_ends_over_it(
    tmp_path: Path, file: str, options: Any, says: str
) -> None:
    """MLServer 1.7.1 ends, with all of its models, if one of them cannot be loaded when it starts."""
    altered = copy_bundle(tmp_path / "made")
    (altered.folder / file).unlink()
    with pytest.raises(InputError, match=says):
        write_repository(altered, SeldonTarget(**options), folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()
