"""What a bundle says of its model: code, data, environment, and the files that other tools open."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import skops.io
from onnx.reference import ReferenceEvaluator

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle
from headrace.core.packaging import code_version, data_digest, distributions, environment
from headrace.core.packaging.code_version import CodeVersion
from headrace.core.packaging.package import BundleInputs, pack
from tests.made_bundle import make_bundle, make_parts

Made = tuple[BundleInputs, dict[str, Any], Bundle]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Parts of a small line and the bundle made of them."""
    folder = tmp_path_factory.mktemp("bundle")
    parts, source = make_parts(folder)
    split = {"method": "stratified", "test_size": 0.2, "seed": 3.0, "rows": 320.0}
    return (
        parts,
        source,
        pack(folder / "bundle", parts=parts, source={**source, "read": '{"drop_columns": ["x"]}'}, split=split),
    )


def test_no_file_is_empty_and_each_has_a_media_type(made: Made) -> None:
    """KServe's storage initializer skips empty objects, and a store shows what a browser may do with a file."""
    kinds = {entry.path: entry.media_type for entry in made[2].manifest.files}
    assert all(entry.size > 0 for entry in made[2].manifest.files)
    assert kinds["card.html"] == "text/html"
    assert kinds["MLmodel"] == kinds["contract.yaml"] == "application/yaml"
    assert kinds["sbom.cdx.json"] == "application/vnd.cyclonedx+json"
    assert kinds["requirements.lock"] == "text/plain"


def test_the_code_is_told_by_version_commit_and_digest(made: Made) -> None:
    """A stranger can check the code out, and see whether that was all of it."""
    code = made[2].json("provenance.json")["code"]
    assert code["version"] == distributions.resolve_requirements(["headrace"])[0].version or code["version"]
    assert len(code["sha256"]) == 64
    assert len(code["commit"]) == 40
    assert code["dirty"] == bool(code["changed"])


def test_data_are_told_by_digest_and_location(made: Made) -> None:
    """Training and test rows have digests of their own, validation is told by its folds, the source by its address."""
    parts, source, bundle = made
    told = bundle.json("provenance.json")
    assert told["table"]["digest"] == source["digest"]
    assert told["table"]["source"] == "customers.csv"
    assert parts.train_table is not None
    train = data_digest.describe_table(parts.train_table)
    assert told["data"]["train"] == {"rows": train.rows, "columns": train.columns, "digest": train.digest, "copy": ""}
    assert told["data"]["validation"] == {"method": "cross-validation", "folds": 5, "of": "train"}
    assert told["data"]["test"]["rows"] == told["rows"]["test"]
    assert not (bundle.folder / "data").exists()


def test_parameters_of_the_steps_are_told(made: Made) -> None:
    """What a replay needs: how the table was read, split, searched, measured and judged."""
    assert made[2].json("provenance.json")["parameters"] == {
        "ingest": {"drop_columns": ["x"]},
        "split": {"method": "stratified", "test_size": 0.2, "seed": 3},
        "tune": {"folds": 5},
        "train": {"seed": 0},
        "evaluate": {
            "slices": [],
            "cost_false_positive": 1.0,
            "cost_false_negative": 1.0,
            "seed": 0,
            "robustness": "quick",
        },
        "gate": {"metric_bounds": {}, "seed": 0},
    }


def test_copies_of_the_rows_are_kept_if_they_are_asked_for(made: Made, tmp_path: Path) -> None:
    """The copies have the digests that the passport tells, and the same line gives the same bundle with them."""
    parts = replace(made[0], include_data=True)
    one, other = (pack(tmp_path / name, parts=parts, source=made[1]) for name in ("one", "other"))
    assert one.digest == other.digest != made[2].digest
    told = one.json("provenance.json")["data"]
    for name in ("train", "test"):
        copy = pl.read_parquet(one.folder / told[name]["copy"] / "*.parquet")
        assert data_digest.describe_frames([copy]).digest == told[name]["digest"]
    assert "holds copies of the train and the test rows" in (one.folder / "risk.md").read_text()


def test_the_environment_is_locked(made: Made) -> None:
    """Every distribution that Headrace stands on is pinned; tools that are installed beside are not in the list."""
    folder = made[2].folder
    pins = dict(line.split("==") for line in (folder / "requirements.lock").read_text().splitlines()[1:])
    assert {"headrace", "numpy", "scikit-learn", "kfp"} <= set(pins)
    assert "pytest" not in pins
    told = made[2].json("environment.json")
    assert pins["numpy"] == told["packages"]["numpy"]
    assert told["image"] == ""
    few = [line for line in (folder / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert {line.split("==")[0] for line in few} > {"headrace", "numpy", "onnxruntime", "polars"}
    assert not {"scikit-learn", "kfp"} & {line.split("==")[0] for line in few}


def test_the_image_is_told_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image sets its digest as a variable; anything else there is refused."""
    digest = "headrace/headrace-python@sha256:" + "ab" * 32
    monkeypatch.setenv("HEADRACE_IMAGE_DIGEST", digest)
    assert environment.environment()["image"] == digest
    monkeypatch.setenv("HEADRACE_IMAGE_DIGEST", "latest")
    with pytest.raises(InputError, match="HEADRACE_IMAGE_DIGEST must be a digest"):
        environment.environment()


def test_a_model_without_onnx_names_what_serves_it() -> None:
    """Another server then needs scikit-learn too."""
    assert "scikit-learn==" in environment.serving_requirements("sklearn")
    assert "scikit-learn==" not in environment.serving_requirements("onnx")


def test_skops_alone_loads_the_model_with_the_list_beside_it(made: Made) -> None:
    """Whoever has no Headrace needs no guess at what to trust."""
    folder = made[2].folder
    types = json.loads((folder / "model.skops.types.json").read_text())["types"]
    pipeline = skops.io.load(folder / "model.skops", trusted=types)
    rows = np.array([case["matrix"] for case in made[2].json("cases.json")["cases"]], dtype=np.float64)
    assert pipeline.predict_proba(rows).shape == (len(rows), 2)


@pytest.mark.parametrize("family", ["logistic", "random_forest", "naive_bayes"])
def test_any_onnx_runtime_gives_the_expected_answers(tmp_path: Path, family: str) -> None:
    """Two runtimes that know nothing of Headrace are given the matrix of the test cases."""
    parameters = {"n_estimators": 5} if family == "random_forest" else {}
    bundle = make_bundle(tmp_path, family=family, parameters=parameters)
    cases = bundle.json("cases.json")
    rows = np.array([case["matrix"] for case in cases["cases"]], dtype=np.float64)
    wanted = [list(case["expected"]["probabilities"].values()) for case in cases["cases"]]
    content = (bundle.folder / "model.onnx").read_bytes()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = [session.run(["Y"], {"X": rows})[0]]
    if family != "random_forest":  # the reference implementation knows no TreeEnsemble of float64
        found.append(ReferenceEvaluator(onnx.load_from_string(content)).run(["Y"], {"X": rows})[0])
    for scores in found:
        assert np.allclose(scores, wanted, rtol=cases["tolerance"]["relative"], atol=cases["tolerance"]["absolute"])


def test_an_installed_package_has_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no repository tracks the code, its version and the digest of its files stand alone."""
    here = code_version.code_version()
    monkeypatch.setattr(code_version, "_git", lambda *_: "")
    code_version.code_version.cache_clear()
    try:
        told = code_version.code_version()
    finally:
        code_version.code_version.cache_clear()
    assert told == CodeVersion(version=here.version, sha256=here.sha256)
    assert told.as_json()["dirty"] is None


def test_changed_code_is_told_by_file(tmp_path: Path) -> None:
    """A commit with changes on top is no commit: the changed and the new files of the package are named."""
    package = tmp_path / "repository" / "core"
    shutil.copytree(Path(code_version.__file__).resolve().parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package.parent / "README.md").write_text("# a repository")
    git = ["git", "-C", str(package.parent), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    git += ["-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "begin"]):
        subprocess.run([*git, *command], check=True)
    assert code_version._list_changed([package]) == []
    (package / "provenance.py").write_text("# changed")
    (package / "new.py").write_text("# new")
    (package.parent / "README.md").write_text("# changed, and no code")
    assert code_version._list_changed([package]) == ["core/new.py", "core/provenance.py"]


def test_the_digest_of_rows_is_that_of_the_rows(tmp_path: Path) -> None:
    """However the rows lie in frames; other values, types, names or an other order give another digest."""
    frame = pl.DataFrame({"a": [1, 2, None], "b": ["x", 'y,"', None], "c": [0.1, 1e300, None]})
    whole = data_digest.describe_frames([frame])
    assert (whole.rows, whole.columns) == (3, 3)
    assert data_digest.describe_frames([frame[:1], frame[1:]]) == whole
    others = [
        frame[::-1],
        frame.rename({"a": "A"}),
        frame.with_columns(pl.col("a").cast(pl.Int32)),
        frame.with_columns(pl.col("b").fill_null("\\N")),
        frame.with_columns(pl.col("c").fill_null(0.0)),
        frame[:2],
    ]
    digests = {data_digest.describe_frames([other]).digest for other in others}
    assert len(digests | {whole.digest}) == len(others) + 1


def test_the_digest_of_rows_can_be_recomputed() -> None:
    """It is that of a line of JSON and of plain CSV, so that a stranger needs nothing of Headrace."""
    import hashlib

    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    text = '[["a", "Int64"], ["b", "String"]]\n1,"x"\n\\N,"y"\n'
    assert data_digest.describe_frames([frame]).digest == hashlib.sha256(text.encode()).hexdigest()


def test_distributions_follow_markers_and_extras() -> None:
    """What another system or an unwanted extra would need is left out; nobody is listed twice, and needs are listed."""
    found = distributions.resolve_requirements(["headrace", "no-such-distribution"])
    names = [one.name for one in found]
    assert names == sorted(set(names))
    assert "pywin32" not in names
    assert "psycopg" not in names
    assert "no-such-distribution" not in names
    needs = {one.name: one.needs for one in found}
    assert "numpy" in needs["scikit-learn"]
    assert all(need in needs for need in needs["headrace"])


def test_the_same_bundle_is_made_in_another_process(made: Made, tmp_path: Path) -> None:
    """Nothing of a process, such as the seed of its hashes, goes into the papers."""
    parts = made[0]
    code = (
        "import sys\nfrom pathlib import Path\nfrom headrace.core.packaging.package import BundleInputs, pack\n"
        "import json\ngiven = json.loads(sys.stdin.read())\n"
        "parts = BundleInputs(**{name: Path(path) for name, path in given['parts'].items()})\n"
        "print(pack(Path(given['folder']), parts=parts, source=given['source'], split=given['split']).digest)\n"
    )
    paths = {name: str(path) for name, path in vars(parts).items() if isinstance(path, Path)}
    given = {"parts": paths, "folder": str(tmp_path / "b"), "source": {**made[1], "read": '{"drop_columns": ["x"]}'}}
    split = {"method": "stratified", "test_size": 0.2, "seed": 3.0}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps({**given, "split": split}),
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "77", "PATH": "/usr/bin:/bin", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
    )
    assert ended.stdout.strip() == made[2].digest
