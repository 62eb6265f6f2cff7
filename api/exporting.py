"""Models for other platforms."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from headrace.api.model_reference import ModelReference, open_model
from headrace.core.base.errors import InputError, quote

if TYPE_CHECKING:
    from headrace.core.jvm_export.model_jar import ModelJar

ExportPlatform = Literal["jvm"]


def export(
    model: ModelReference, *, folder: str | Path, to: ExportPlatform = "jvm", library: str | Path | None = None
) -> "ModelJar":
    """Write a model for another platform, as ``headrace export`` does.

    ``jvm``: one jar that encodes and scores rows in Java, Flink SQL, Kafka Streams and Spark as Headrace's server does.

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``.
        folder: Where it is written, as ``NAME.jar``.
        to: The platform.
        library: The suite's Java library; None for the one that ``HEADRACE_JVM_LIBRARY`` names or ``make jvm`` built.

    Returns:
        Path, name and digest of the model, and whether Java has answered its cases.

    Raises:
        InputError: If the platform is unknown, or the model cannot run there.
        MissingError: If there is no such model, or no library.
        BundleError: If the bundle is incomplete or altered, or Java answers its cases differently.
    """
    from headrace.core.jvm_export.model_jar import write_jar  # noqa: PLC0415 - polars is slow to import

    if to not in get_args(ExportPlatform):
        raise InputError(f"models are exported to {', '.join(get_args(ExportPlatform))}; got {quote(to)} instead.")
    with open_model(model) as bundle:
        return write_jar(bundle, Path(folder), library=Path(library) if library else None)
