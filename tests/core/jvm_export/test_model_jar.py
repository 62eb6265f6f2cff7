"""A model and the Java library in one jar; Java itself is not needed here."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError, MissingError
from headrace.core.bundles.bundle import Bundle
from headrace.core.jvm_export import model_jar
from headrace.core.jvm_export.model_jar import write_jar
from tests.made_bundle import copy_bundle


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What looks like the library, on a machine without Java."""
    monkeypatch.setattr(model_jar.shutil, "which", lambda _: None)
    path = tmp_path / "library.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("headrace/jvm/Model.class", b"class")
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A small bundle."""
    return copy_bundle(tmp_path / "model")


def test_a_jar_holds_library_model_and_cases(bundle: Bundle, library: Path, tmp_path: Path) -> None:
    """Equal bundles and libraries give equal bytes, whenever they are packed."""
    first = write_jar(bundle, tmp_path / "a", library=library)
    again = write_jar(bundle, tmp_path / "b", library=library)
    assert first.path.read_bytes() == again.path.read_bytes()
    assert (first.path.name, first.digest, first.checked) == ("customers.jar", bundle.digest, False)
    with zipfile.ZipFile(first.path) as jar:
        assert jar.read("headrace/jvm/Model.class") == b"class"
        assert jar.read("META-INF/headrace/model.txt") == b"customers\n"
        for name in ("model.onnx", "cases.json", "contract.yaml", "manifest.json"):
            assert jar.read(f"META-INF/headrace/customers/{name}") == (bundle.folder / name).read_bytes()
        plan: dict[str, Any] = json.loads(jar.read("META-INF/headrace/customers/plan.json"))
    assert (plan["name"], plan["digest"]) == ("customers", bundle.digest)


def test_a_library_that_is_none_is_refused(bundle: Bundle, library: Path, tmp_path: Path) -> None:
    """No library, another jar, no jar, a jar with a model: nothing is written."""
    with pytest.raises(MissingError, match="run `make jvm`"):
        write_jar(bundle, tmp_path / "out", library=tmp_path / "absent.jar")
    packed = write_jar(bundle, tmp_path, library=library).path
    other, text = tmp_path / "other.jar", tmp_path / "text.jar"
    with zipfile.ZipFile(other, "w") as jar:
        jar.writestr("x", b"")
    text.write_text("no jar")
    for path, said in ((packed, "it is another jar"), (other, "it is another jar"), (text, "it is no jar")):
        with pytest.raises(InputError, match=said):
            write_jar(bundle, tmp_path / "out", library=path)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_library_is_found_where_the_environment_says(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HEADRACE_JVM_LIBRARY names it; else ``make jvm`` built it."""
    monkeypatch.setenv("HEADRACE_JVM_LIBRARY", str(library))
    assert model_jar.find_library() == library
    monkeypatch.setenv("HEADRACE_JVM_LIBRARY", str(tmp_path / "absent"))
    with pytest.raises(MissingError, match="absent: run `make jvm`"):
        model_jar.find_library()


def test_a_model_without_an_onnx_form_is_refused(bundle: Bundle, library: Path, tmp_path: Path) -> None:
    """The sentence says why it has none."""
    record = {"format": 1, "engine": "sklearn", "reason": "a KNeighborsClassifier has no exact form in ONNX."}
    (bundle.folder / "engine.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="exact ONNX form to run on the JVM; a KNeighborsClassifier has no"):
        write_jar(bundle, tmp_path / "out", library=library)
