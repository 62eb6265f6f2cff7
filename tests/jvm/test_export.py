"""``headrace export --to jvm``, and what the jar does alone."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from headrace.core.base.errors import BundleError
from headrace.core.base.files import sha256
from headrace.core.jvm_export.model_jar import check_jar
from headrace.core.jvm_export.onnx_versions import LARGEST_IR, LARGEST_OPSETS, RUNTIME
from tests.conftest import headrace
from tests.core.jvm_export.test_onnx_versions import model_of
from tests.jvm.comparison import JavaServer
from tests.jvm.conftest import ROWS, UNKNOWN_PLAN, ExportedModel
from tests.jvm.java_parts import JAVA, PROJECT, compile_java, library, maven

pytestmark = pytest.mark.jvm

LOADER = Path(__file__).parent / "java" / "OnnxLoader.java"


def test_the_command_writes_a_jar_that_answers_its_own_cases(exported: ExportedModel, tmp_path: Path) -> None:
    """And the same bytes as the library function."""
    done = headrace("export", str(exported.folder), "--to", "jvm", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    jar = tmp_path / "customers.jar"
    assert f"Next: java -jar {jar} --check" in done.stdout
    assert sha256(jar) == sha256(exported.jar.path)
    checked = subprocess.run([*JAVA, "-jar", str(jar), "--check"], capture_output=True, text=True, check=True)
    assert checked.stdout == f"customers {exported.jar.digest}: 20 of its own cases answered\n"


def test_the_jar_scores_lines_of_json(exported: ExportedModel) -> None:
    """Python's answers, one a line; a line that is no row has an answer too."""
    lines = [*map(json.dumps, [*ROWS, UNKNOWN_PLAN]), "[]", "{"]
    done = subprocess.run(
        [*JAVA, "-jar", str(exported.jar.path), "--score"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[:3] == [exported.answer(row) for row in ROWS]
    assert [answer["rule"] for answer in answers[3:]] == ["category", "shape", "value"]


def test_a_jar_whose_answers_are_wrong_is_refused(exported: ExportedModel, tmp_path: Path) -> None:
    """By the check that follows an export, with Java's own sentence."""
    cases = json.loads((exported.folder / "cases.json").read_text())
    cases["cases"][3]["expected"]["probabilities"]["no"] += 1e-4
    wrong = tmp_path / "wrong.jar"
    with zipfile.ZipFile(exported.jar.path) as jar, zipfile.ZipFile(wrong, "w") as other:
        for entry in jar.infolist():
            is_changed = entry.filename == "META-INF/headrace/customers/cases.json"
            other.writestr(entry.filename, json.dumps(cases) if is_changed else jar.read(entry))
    with pytest.raises(BundleError, match="must answer its own cases as its bundle says; case 3: no is"):
        check_jar(wrong)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("plan.json", b'{"format": 1}', "must be of format 2, which this library reads; got 1 instead"),
        ("plan.json", b'{"format": 2}', "must be whole"),
        ("plan.json", b"{", "cannot be read"),
        ("cases.json", b"{}", "must be whole"),
        ("model.onnx", b"x", f"must be one that ONNX Runtime {RUNTIME} knows"),
        ("model.onnx", model_of(opset=LARGEST_OPSETS[""] + 1), f"must be one that ONNX Runtime {RUNTIME} knows"),
        ("model.onnx", model_of(), "it cannot be run"),
    ],
)
def test_a_damaged_model_is_refused_when_it_is_opened(
    java: JavaServer, exported: ExportedModel, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    """In a sentence, by each program that opens it."""
    with zipfile.ZipFile(exported.jar.path) as jar:
        for file in ("plan.json", "cases.json", "model.onnx"):
            (tmp_path / file).write_bytes(jar.read(f"META-INF/headrace/customers/{file}"))
    assert java.answer(open="whole", path=str(tmp_path)) == {}
    (tmp_path / name).write_bytes(content)
    assert said in java.answer(open="damaged", path=str(tmp_path))["failure"]


def test_two_models_on_one_class_path_are_told_apart_by_name(exported: ExportedModel, tmp_path: Path) -> None:
    """Without a name neither is taken in silence."""
    twin = tmp_path / "twin.jar"
    shutil.copyfile(exported.jar.path, twin)
    command = [*JAVA, "-cp", f"{exported.jar.path}:{twin}", "headrace.jvm.Main", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the class path must hold exactly one model; it holds [customers]" in done.stderr


def test_the_runtime_loads_the_versions_that_an_export_allows_and_no_newer_ones(tmp_path: Path) -> None:
    """ONNX Runtime 1.26.0 for Java, from Maven Central: IR 13, ai.onnx 26, ai.onnx.ml 5.

    Python's onnx 1.23.2 writes IR 14 and opset 28 by default, which its own onnxruntime 1.32.0 loads.
    """
    newest = {"ir": LARGEST_IR, "opset": LARGEST_OPSETS[""], "ml": LARGEST_OPSETS["ai.onnx.ml"]}
    (tmp_path / "newest.onnx").write_bytes(model_of(**newest))
    for name, version in newest.items():
        (tmp_path / f"{name}.onnx").write_bytes(model_of(**{**newest, name: version + 1}))
    classes = compile_java(tmp_path, LOADER, classpath=str(library()))
    names = ["newest", *newest]
    done = subprocess.run(
        [*JAVA, "-cp", f"{classes}:{library()}", "OnnxLoader", *(str(tmp_path / f"{name}.onnx") for name in names)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [RUNTIME, "loads", "fails", "fails", "fails"]


@pytest.mark.exhaustive
def test_two_builds_of_the_library_give_equal_bytes(tmp_path: Path) -> None:
    """Sources and versions are all that counts: not the time, and not the folder."""
    library()
    digests = []
    for name in ("a", "b"):
        folder = tmp_path / name
        shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("target"))
        maven(folder / "pom.xml", "package")
        digests.append(sha256(folder / "target" / "headrace-jvm.jar"))
    assert digests[0] == digests[1]
