"""A bundle as a server sees it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import BundleError
from headrace.core.bundles import integrity
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.inference.scorer import Scorer
from tests.made_bundle import copy_bundle, make_bundle

OPENED = """
import sys
from pathlib import Path
import numpy as np
from headrace.core.bundles.bundle import open_bundle
from headrace.core.inference.scorer import Scorer
scorer = Scorer.open(open_bundle(Path(sys.argv[1])))
scorer.choose_classes(scorer.scores(np.zeros((1, int(sys.argv[2])))))
print(scorer.engine.name, *sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of two classes."""
    return copy_bundle(tmp_path_factory.mktemp("bundle"))


def altered(bundle: Bundle, folder: Path, name: str, change: Callable[[Any], Any]) -> Bundle:
    """The bundle with one JSON file changed, and a manifest that fits it: digests do not tell who wrote a file."""
    shutil.copytree(bundle.folder, folder)
    path = folder / name
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(integrity.make(folder, bundle.name).dumps())
    return open_bundle(folder)


def width(bundle: Bundle) -> int:
    """Columns of the model's matrix."""
    return len(bundle.json("model.json")["columns"])


def test_it_answers_as_the_model_does(bundle: Bundle) -> None:
    """Probabilities and labels are those of the fitted pipeline, with the bundle's threshold."""
    scorer, model = Scorer.open(bundle), bundle.model()
    rows = np.random.default_rng(0).normal(size=(200, width(bundle))).round()
    scores = scorer.scores(np.clip(rows, -1, 1))
    assert scorer.threshold == model.threshold
    assert [scorer.classes[place] for place in scorer.choose_classes(scores)] == model.labels(scores)
    assert (scorer.name, scorer.digest, scorer.family) == (bundle.name, bundle.digest, "logistic")
    assert scorer.positive == model.positive


@pytest.mark.parametrize("absent", ["sklearn", "polars", "scipy", "pandas", "onnx", "skops", "kserve", "fastapi"])
def test_nothing_heavy_is_imported_for_it(opened: set[str], absent: str) -> None:
    """A server is ready in a second only if it does without what training needs."""
    assert absent not in opened


@pytest.fixture(scope="module")
def opened(bundle: Bundle) -> set[str]:
    """Packages that a process holds in which a scorer has answered."""
    ended = subprocess.run(
        [sys.executable, "-c", OPENED, str(bundle.folder), str(width(bundle))],
        check=True,
        capture_output=True,
        text=True,
    )
    engine, *packages = ended.stdout.split()
    assert engine == "onnx"
    assert "onnxruntime" in packages
    return set(packages)


def test_the_fallback_answers_too(tmp_path: Path) -> None:
    """Neighbours have no exact form in ONNX: engine.json says so, and scikit-learn itself answers."""
    bundle = make_bundle(tmp_path, family="knn")
    record = bundle.json("engine.json")
    assert record["engine"] == "sklearn"
    assert "KNeighborsClassifier" in record["reason"]
    assert record["parity"] is None
    assert not (bundle.folder / "model.onnx").exists()
    scorer = Scorer.open(bundle)
    assert scorer.engine.name == "sklearn"
    np.testing.assert_allclose(scorer.scores(np.zeros((3, width(bundle)))).sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("model.json", lambda facts: {**facts, "threshold": "much"}, "model.json must be one that Headrace wrote"),
        ("model.json", lambda facts: {**facts, "threshold": 1.5}, "threshold in model.json must be 0 to 1; got 1.5"),
        ("model.json", lambda facts: {**facts, "classes": ["yes", "no"]}, "must be of one model"),
        ("model.json", lambda facts: {**facts, "columns": facts["columns"][::-1]}, "must be of one model"),
        ("model.json", lambda facts: {**facts, "task": "regression"}, "must be of one model"),
        ("model.json", lambda _: [], "model.json must be one that Headrace wrote"),
        ("engine.json", lambda record: {**record, "engine": "other"}, "must be onnx, sklearn or mojo; got 'other'"),
        ("engine.json", lambda record: {**record, "format": 99}, "must be of format 1; got 99"),
        ("engine.json", lambda _: [], "must be of format 1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    bundle: Bundle, tmp_path: Path, name: str, change: Callable[[Any], Any], told: str
) -> None:
    """Though each digest is right."""
    with pytest.raises(BundleError, match=told):
        Scorer.open(altered(bundle, tmp_path / "b", name, change))


@pytest.mark.parametrize("name", ["engine.json", "model.onnx", "contract.yaml", "model.json"])
def test_a_bundle_without_a_part_is_refused(bundle: Bundle, tmp_path: Path, name: str) -> None:
    """The sentence names the file that is missing."""
    folder = shutil.copytree(bundle.folder, tmp_path / "b")
    (folder / name).unlink()
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(integrity.make(folder, bundle.name).dumps())
    with pytest.raises(BundleError, match=name):
        Scorer.open(open_bundle(folder))
