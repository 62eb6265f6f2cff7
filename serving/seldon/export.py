"""Files for Seldon: manifests with what their image needs, and a repository of models for MLServer."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from headrace.core.base.errors import InputError
from headrace.core.base.files import write_json, write_text
from headrace.core.bundles.bundle import Bundle
from headrace.core.drift import reference_profile
from headrace.core.inference import explain
from headrace.core.packaging import flavors
from headrace.serving.seldon import core2, v1
from headrace.serving.seldon.requirements import list_requirements
from headrace.serving.seldon.target import Document, SeldonModels, SeldonTarget

_BUILDERS: MappingProxyType[str, Callable[[SeldonModels, SeldonTarget], list[Document]]] = MappingProxyType(
    {"seldon": core2.build, "seldon-v1": v1.build}
)
_RUNTIMES = MappingProxyType({"drift": flavors.DRIFT_RUNTIME, "outlier": flavors.OUTLIER_RUNTIME})


@dataclass(frozen=True)
class SeldonManifests:
    """Manifests of a model.

    Attributes:
        path: The file, for ``kubectl apply``.
        requirements: What the image needs beside MLServer, for ``pip``.
        name: Name of the model.
        digest: SHA-256 that names its bundle.
        objects: The objects, as ``KIND/NAME``.
    """

    path: Path
    requirements: Path
    name: str
    digest: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class ModelRepository:
    """A folder that ``mlserver start`` serves.

    Attributes:
        path: The folder.
        requirements: What is needed beside MLServer, for ``pip``.
        name: Name of the model.
        digest: SHA-256 that names its bundle.
        models: Names of the models in it.
    """

    path: Path
    requirements: Path
    name: str
    digest: str
    models: tuple[str, ...]


def write_manifests(
    bundle: Bundle, models: SeldonModels, target: SeldonTarget, *, platform: str, folder: Path
) -> SeldonManifests:
    """Write ``NAME.yaml`` and ``NAME-requirements.txt``; files of these names are replaced.

    Args:
        bundle: The bundle of the version that answers.
        models: The versions that take part.
        target: How they are served.
        platform: ``seldon`` or ``seldon-v1``.
        folder: Where they are written.

    Raises:
        InputError: If Seldon would not accept a name, the bundle cannot do what is asked, or the folder cannot be
            written.
        MissingError: If explanations are served and shap is not installed here.
    """
    _check_abilities(bundle, target)
    objects = _BUILDERS[platform](models, target)
    name = target.name or bundle.name
    path, needs = folder / f"{name}.yaml", folder / f"{name}-requirements.txt"
    pins = list_requirements(bundle, target, needs.name)
    write_text(needs, pins)
    write_text(path, render(objects))
    return SeldonManifests(path, needs, bundle.name, bundle.digest, tuple(map(_describe, objects)))


def render(objects: Sequence[Document]) -> str:
    """Return objects as one text of YAML."""
    return "---\n".join(yaml.dump(one, Dumper=_PlainDumper, sort_keys=False) for one in objects)


def write_repository(bundle: Bundle, target: SeldonTarget, *, folder: Path) -> ModelRepository:
    """Write a folder with the bundle, and with the settings of its detectors and its explainer.

    Args:
        bundle: The bundle.
        target: Of it, the name, the detectors, the explainer and the rows of a window apply.
        folder: The folder, which must not exist or be empty; it is whole or absent.

    Raises:
        InputError: If it holds something, or cannot be written, or the bundle cannot do what is asked.
        MissingError: If explanations are served and shap is not installed here.
    """
    _check_abilities(bundle, target)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"a repository of models is written to a new or empty folder; {folder} holds something.")
    pins = list_requirements(bundle, target, "requirements.txt")
    settings = _settings(bundle.name, target)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise InputError(f"cannot write in the folder {folder.parent}: {error.strerror}.") from error
    try:
        part.chmod(0o755)
        shutil.copytree(bundle.folder, part / bundle.name)
        for name, content in settings.items():
            write_json(part / name / flavors.MLSERVER, content)
        write_text(part / "requirements.txt", pins)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    names = (bundle.name, *settings)
    return ModelRepository(folder, folder / "requirements.txt", bundle.name, bundle.digest, names)


def _check_abilities(bundle: Bundle, target: SeldonTarget) -> None:
    """Raise if a detector or an explainer would only fail in the server, and take the model with it."""
    if target.detectors and not (bundle.folder / reference_profile.FILE).exists():
        raise InputError(
            f"a detector needs the {reference_profile.FILE} that training leaves in a bundle; {bundle.name} has none, "
            "as one that was imported: leave the detector out."
        )
    if target.explainer:
        record = bundle.folder / explain.FILE
        if not record.exists() or json.loads(record.read_text(encoding="utf-8")).get("exact") is not True:
            raise InputError(
                f"an explainer needs a model with exact contributions; {bundle.name} has none: leave the explainer out."
            )


def _settings(name: str, target: SeldonTarget) -> dict[str, dict[str, Any]]:
    """Return the settings of the models beside the bundle's own, by their names."""
    found = {f"{name}-{one}": _model(f"{name}-{one}", _RUNTIMES[one], name) for one in target.detectors}
    if "drift" in target.detectors:
        found[f"{name}-drift"]["parameters"]["extra"] = {"window_rows": target.window_rows}
    if target.explainer:
        found[f"{name}-explainer"] = _model(f"{name}-explainer", flavors.EXPLAINER_RUNTIME, name)
    return found


def _model(name: str, runtime: str, bundle: str) -> dict[str, Any]:
    return {
        "name": name,
        "implementation": runtime,
        "platform": "headrace",
        "parameters": {"uri": f"../{bundle}"},
    }


def _describe(one: Document) -> str:
    metadata: Any = one["metadata"]
    return f"{one['kind']}/{metadata['name']}"


class _PlainDumper(yaml.SafeDumper):
    """Writes each value out, where YAML would refer to an equal one before."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True
