"""Compiles shipped pipelines to text for Kubeflow's API, or to objects for its Kubernetes-native mode."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headrace.core.base.errors import InputError, quote
from headrace.pipelines.definitions.catalogue import find_pipeline, pipeline
from headrace.pipelines.definitions.compaction import compact
from headrace.pipelines.definitions.task_options import TaskOptions, apply_options

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class NativeObjects:
    """Names of the objects ``Pipeline`` and ``PipelineVersion`` (pipelines.kubeflow.org/v2beta1).

    Attributes:
        version: Name of the version's object; it is unique in its namespace.
        namespace: Their namespace; empty to leave it to kubectl.
        name: Name of the pipeline's object; empty for the pipeline's own.
    """

    version: str
    namespace: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Raise if Kubernetes would reject a name.

        Raises:
            InputError: If a name is invalid.
        """
        for text in filter(None, (self.version, self.namespace, self.name)):
            if not _NAME.fullmatch(text):
                raise InputError(
                    f"the name of an object must be lower-case letters, digits, dashes and dots; got {quote(text)}."
                )


def compile_text(name: str, *, options: TaskOptions | None = None, native: NativeObjects | None = None) -> str:
    """Compile a shipped pipeline to YAML.

    Args:
        name: Its name in the catalogue.
        options: Resources and settings of its steps on a cluster; None for the defaults.
        native: Names of the Kubernetes objects to write; None for KFP's intermediate representation.

    Raises:
        InputError: If no such pipeline is shipped, or an option is invalid.
    """
    find_pipeline(name)
    from kfp.compiler import Compiler  # noqa: PLC0415 - slow, and only compiling needs it

    function = apply_options(pipeline(name), options or TaskOptions())
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        path = Path(scratch) / "pipeline.yaml"  # the compiler chooses the format by the file's ending
        if native is None:
            Compiler().compile(function, package_path=str(path))
        else:
            _compile_native(function, path, native)
        return compact(path.read_text(encoding="utf-8"))


def _compile_native(function: object, path: Path, native: NativeObjects) -> None:
    from kfp.compiler import Compiler, KubernetesManifestOptions  # noqa: PLC0415 - slow

    own = str(function.component_spec.name)  # type: ignore[attr-defined]  # KFP is untyped
    Compiler().compile(
        function,
        package_path=str(path),
        kubernetes_manifest_format=True,
        kubernetes_manifest_options=KubernetesManifestOptions(
            pipeline_name=native.name or own,
            pipeline_display_name=own,
            pipeline_version_name=native.version,
            pipeline_version_display_name=native.version,
            namespace=native.namespace or None,
            include_pipeline_manifest=True,
        ),
    )
