"""Models for other platforms."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, get_args, overload

from headrace.api.model_reference import ModelReference, open_model, resolve_model
from headrace.core.base.errors import InputError, quote

if TYPE_CHECKING:
    from headrace.core.bundles.bundle import Bundle
    from headrace.core.jvm_export.model_jar import ModelJar
    from headrace.serving.seldon.export import ModelRepository, SeldonManifests
    from headrace.serving.seldon.target import PublishedModel

ExportPlatform = Literal["jvm", "seldon", "seldon-v1", "mlserver"]


class SeldonKeywords(TypedDict, total=False):
    """Options of an export to Seldon; ``mlserver`` uses detectors, explainer and window_rows only.

    Attributes:
        uri: Address that Seldon fetches the bundle from; empty for where the model was found.
        name: Name of the objects; empty for the model's.
        namespace: Namespace; empty to leave it to ``kubectl``.
        server: Name of the ``Server`` of Core 2 that is written if there is an image.
        image: Image with MLServer and the suite; version 1 needs one.
        replicas: Replicas of each model.
        memory: Memory of each model, such as ``256Mi``.
        secret: Secret with the keys of the store; empty if Seldon has one already.
        candidate: Version that answers a share of the requests: a store URI or ``NAME@VERSION``; empty for none.
        candidate_percent: That share, 1 to 99.
        mirror: Version that gets a copy of requests and answers nobody; empty for none.
        mirror_percent: Share of the requests that it gets, 1 to 100.
        detectors: Detectors that see the requests too: ``drift``, ``outlier``.
        explainer: Whether there is a model of the explanations.
        window_rows: Rows of a window of the drift detector.
    """

    uri: str
    name: str
    namespace: str
    server: str
    image: str
    replicas: int
    memory: str
    secret: str
    candidate: str
    candidate_percent: int
    mirror: str
    mirror_percent: int
    detectors: Sequence[Literal["drift", "outlier"]]
    explainer: bool
    window_rows: int


@overload
def export(
    model: ModelReference,
    *,
    folder: str | Path,
    to: Literal["jvm"] = "jvm",
    library: str | Path | None = None,
) -> "ModelJar": ...


@overload
def export(
    model: ModelReference,
    *,
    folder: str | Path,
    to: Literal["seldon", "seldon-v1"],
    **options: Unpack[SeldonKeywords],
) -> "SeldonManifests": ...


@overload
def export(
    model: ModelReference, *, folder: str | Path, to: Literal["mlserver"], **options: Unpack[SeldonKeywords]
) -> "ModelRepository": ...


@overload
def export(
    model: ModelReference,
    *,
    folder: str | Path,
    to: ExportPlatform = "jvm",
    library: str | Path | None = None,
    **options: Unpack[SeldonKeywords],
) -> "ModelJar | SeldonManifests | ModelRepository": ...


def export(
    model: ModelReference,
    *,
    folder: str | Path,
    to: ExportPlatform = "jvm",
    library: str | Path | None = None,
    **options: Unpack[SeldonKeywords],
) -> "ModelJar | SeldonManifests | ModelRepository":
    """Write a model for another platform, as ``headrace export`` does.

    ``jvm``: one jar that encodes and scores rows in Java, Flink SQL, Kafka Streams and Spark as Headrace's server does.
    ``seldon`` and ``seldon-v1``: manifests of Seldon Core 2 and of version 1. ``mlserver``: a folder that
    ``mlserver start`` serves.

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``.
        folder: Where it is written: as ``NAME.jar``, as ``NAME.yaml``, or the folder itself for ``mlserver``.
        to: The platform.
        library: ``jvm``: the suite's Java library; None for the one that ``HEADRACE_JVM_LIBRARY`` names or ``make jvm``
            built.
        **options: The other platforms; see ``SeldonKeywords``.

    Returns:
        Paths, name and digest of the model; of a jar also whether Java has answered its cases.

    Raises:
        InputError: If the platform is unknown, an option is not one of it, or the model cannot run there.
        MissingError: If there is no such model, or no library.
        BundleError: If the bundle is incomplete or altered, or Java answers its cases differently.
    """
    if to not in get_args(ExportPlatform):
        raise InputError(f"models are exported to {', '.join(get_args(ExportPlatform))}; got {quote(to)} instead.")
    _check_options(to, {**options, **({"library": library} if library else {})})
    with open_model(model) as bundle:
        if to == "jvm":
            return _write_jar(bundle, Path(folder), library)
        return _write_for_seldon(model, bundle, Path(folder), to, options)


def _write_jar(bundle: "Bundle", folder: Path, library: str | Path | None) -> "ModelJar":
    from headrace.core.jvm_export.model_jar import write_jar  # noqa: PLC0415 - polars is slow to import

    return write_jar(bundle, folder, library=Path(library) if library else None)


def _write_for_seldon(
    model: ModelReference, bundle: "Bundle", folder: Path, to: str, options: SeldonKeywords
) -> "SeldonManifests | ModelRepository":
    from headrace.serving.seldon.export import write_manifests, write_repository  # noqa: PLC0415 - yaml, by need
    from headrace.serving.seldon.target import SeldonModels, SeldonTarget  # noqa: PLC0415 - as above

    fields: dict[str, Any] = {name: value for name, value in options.items() if name not in _ADDRESSES}
    target = SeldonTarget(**{**fields, "detectors": tuple(fields.get("detectors", ()))})
    if to == "mlserver":
        return write_repository(bundle, target, folder=folder)
    candidate, mirror = options.get("candidate"), options.get("mirror")
    models = SeldonModels(
        _publish(model, bundle, options.get("uri", "")),
        _find_published(candidate) if candidate else None,
        _find_published(mirror) if mirror else None,
    )
    return write_manifests(bundle, models, target, platform=to, folder=folder)


def _find_published(model: str) -> "PublishedModel":
    with open_model(model) as bundle:
        return _publish(model, bundle, "")


def _publish(model: ModelReference, bundle: "Bundle", uri: str) -> "PublishedModel":
    """Return a bundle with its address: the given one, else where it was found.

    Raises:
        InputError: If it is on this machine only, or the address is that of another bundle.
    """
    from headrace.serving.seldon.target import PublishedModel, checked_uri  # noqa: PLC0415 - by need

    found = uri or resolve_model(model)
    if "://" not in found and not uri:
        raise InputError(
            f"Seldon fetches a bundle from a store, and {found} is a folder of this machine: give the bundle's address "
            "with --uri, or name the model by its store URI or as NAME@VERSION."
        )
    return PublishedModel(bundle.name, bundle.digest, checked_uri(found, bundle.digest))


_SELDON = frozenset(SeldonKeywords.__annotations__)
_OPTIONS = {
    "jvm": frozenset({"library"}),
    "seldon": _SELDON,
    "seldon-v1": _SELDON - {"server"},
    "mlserver": frozenset({"detectors", "explainer", "window_rows"}),
}
_ADDRESSES = frozenset({"uri", "candidate", "mirror"})
# Options that say more of another one.
_OF_OTHERS = {"candidate_percent": "candidate", "mirror_percent": "mirror", "server": "image"}


def _check_options(to: str, given: Mapping[str, Any]) -> None:
    """Raise if an option would have no effect.

    Raises:
        InputError: If so.
    """
    foreign = sorted(given.keys() - _OPTIONS[to])
    if foreign:
        raise InputError(
            f"an export to {to} has no option {', '.join(foreign)}; it has {', '.join(sorted(_OPTIONS[to]))}."
        )
    for name, other in _OF_OTHERS.items():
        if name in given and not given.get(other):
            raise InputError(f"{name} goes with {other}: give both, or none of them.")
    if "window_rows" in given and "drift" not in given.get("detectors", ()):
        raise InputError("window_rows goes with the detector drift: give both, or none of them.")
