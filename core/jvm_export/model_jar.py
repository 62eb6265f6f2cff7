"""The jar of a model: the suite's Java library with one model inside."""

import json
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from headrace.core.base.errors import BundleError, InputError
from headrace.core.base.files import whole
from headrace.core.bundles.bundle import Bundle
from headrace.core.inference import engine
from headrace.core.inference.scorer import Scorer
from headrace.core.jvm_export.onnx_versions import check_versions
from headrace.core.jvm_export.scoring_plan import build_plan
from headrace.core.mojo.mojo_description import DESCRIPTION, MODEL
from headrace.core.runtime.java_programs import LIBRARY, find_library

_ROOT = "META-INF/headrace"
_INDEX = f"{_ROOT}/model.txt"
# Entries have no time of their own, so that equal models give equal jars; a ZIP knows no earlier year.
_TIME = (1980, 1, 1, 0, 0, 0)
_CHECK_SECONDS = 120
_MOST_WORDS = 60


@dataclass(frozen=True)
class ModelJar:
    """A jar that scores rows with one model.

    Attributes:
        path: The jar.
        name: Name of the model.
        digest: SHA-256 that names its bundle.
        checked: Whether Java has answered the bundle's own cases with it; each program that opens it does so again.
    """

    path: Path
    name: str
    digest: str
    checked: bool


def write_jar(bundle: Bundle, folder: Path, *, library: Path | None = None) -> ModelJar:
    """Write ``NAME.jar``: the Java library, the model and its cases, which Java answers if it is installed.

    Args:
        bundle: A verified bundle.
        folder: Where the jar is written; a jar of that name is replaced.
        library: The suite's Java library; None for the one that ``HEADRACE_JVM_LIBRARY`` names or ``make jvm`` built.

    Returns:
        The jar; equal bundles and libraries give equal bytes.

    Raises:
        InputError: If the model has no ONNX form, or one that is too new for Java, or the contract has a format that
            Java does not read, or the folder cannot be written.
        MissingError: If there is no library.
        BundleError: If the bundle cannot be used, or Java answers its cases differently.
    """
    scorer = Scorer.open(bundle)
    content = _model_files(bundle, scorer)
    plan = build_plan(scorer, engine=scorer.engine.name)
    files = {
        "plan.json": json.dumps(plan, ensure_ascii=False, allow_nan=False, sort_keys=True).encode(),
        **content,
        **{name: (bundle.folder / name).read_bytes() for name in ("cases.json", "contract.yaml", "manifest.json")},
    }
    source = find_library(library)
    target = folder / f"{bundle.name}.jar"
    with whole(target) as part:
        _pack(source, part, name=bundle.name, files=files)
        checked = check_jar(part)
    return ModelJar(target, bundle.name, bundle.digest, checked)


def _model_files(bundle: Bundle, scorer: Scorer) -> dict[str, bytes]:
    """Return the files of the engine, by name, if it runs on the JVM."""
    names = {engine.OnnxEngine.name: (engine.FILE,), engine.MOJO: (MODEL, DESCRIPTION)}
    if any(column.dtype == "picture" for column in scorer.contract.inputs):
        raise InputError(f"the model {bundle.name} takes pictures, which the JVM does not read; serve it from Python.")
    if scorer.engine.name not in names:
        reason = bundle.json(engine.RECORD).get("reason") or "its engine is scikit-learn."
        raise InputError(
            f"the model {bundle.name} must have an exact ONNX form to run on the JVM; {reason} Train another family, "
            "or serve it from Python."
        )
    files = {name: (bundle.folder / name).read_bytes() for name in names[scorer.engine.name]}
    if engine.FILE in files:
        check_versions(files[engine.FILE])
    return files


def _pack(library: Path, target: Path, *, name: str, files: dict[str, bytes]) -> None:
    """Copy the library's jar to the target, and add the model's files to it."""
    try:
        with zipfile.ZipFile(library) as jar:
            held = set(jar.namelist())
        if "headrace/jvm/Model.class" not in held or _INDEX in held:
            raise InputError(f"{library} must be {LIBRARY} of `make jvm`, without a model; it is another jar.")
        shutil.copyfile(library, target)
        with zipfile.ZipFile(target, "a") as jar:
            for path, content in {_INDEX: f"{name}\n".encode(), **_below(name, files)}.items():
                entry = zipfile.ZipInfo(path, _TIME)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                jar.writestr(entry, content)
    except zipfile.BadZipFile as error:
        raise InputError(f"{library} must be {LIBRARY} of `make jvm`; it is no jar.") from error


def _below(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{_ROOT}/{name}/{file}": content for file, content in sorted(files.items())}


def check_jar(path: Path) -> bool:
    """Let Java answer the cases in a jar.

    Args:
        path: The jar.

    Returns:
        Whether Java is installed; if it is not, nothing is checked.

    Raises:
        BundleError: If an answer is not the one that the bundle expects, or the model cannot be loaded.
    """
    java = shutil.which("java")
    if not java:
        return False
    command = [java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", str(path), "--check"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"Java must answer the model's cases within {_CHECK_SECONDS} s; it did not.") from error
    if done.returncode:
        reason = " ".join(done.stderr.rpartition("headrace: ")[2].split()[:_MOST_WORDS])
        raise BundleError(f"Java (17 or newer) must answer the model's own cases as its bundle says; {reason}")
    return True
