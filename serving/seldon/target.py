"""The settings of a model on Seldon."""

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from headrace.cluster.api.quantities import number as parse_quantity
from headrace.core.base.errors import InputError, quote

Detector = Literal["drift", "outlier"]
Document = dict[str, object]
LONGEST_NAME = 40
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LETTERS = "lower case letters, digits and dashes, and begins and ends with a letter or digit"
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class PublishedModel:
    """A bundle at an address that Seldon fetches it from.

    Attributes:
        name: Name of the model.
        digest: SHA-256 that names the bundle.
        uri: Its address, such as ``s3://BUCKET/models/NAME/DIGEST/``.
    """

    name: str
    digest: str
    uri: str


@dataclass(frozen=True)
class SeldonModels:
    """The versions of a model that take part.

    Attributes:
        main: The version that answers.
        candidate: The version that answers a share of the requests; None if there is none.
        mirror: The version that gets a copy of requests, and answers nobody; None if there is none.
    """

    main: PublishedModel
    candidate: PublishedModel | None = None
    mirror: PublishedModel | None = None

    def __post_init__(self) -> None:
        """Raise if the versions are not of one model.

        Raises:
            InputError: If so, or if one of them is the version that answers.
        """
        for word, other in (("candidate", self.candidate), ("mirror", self.mirror)):
            if other is not None and other.name != self.main.name:
                raise InputError(
                    f"the {word} must be a version of the model {quote(self.main.name)}; it is one of "
                    f"{quote(other.name)}."
                )
            if other is not None and other.digest == self.main.digest:
                raise InputError(f"the {word} must be another version; it is {self.main.digest[:12]}, which answers.")


@dataclass(frozen=True)
class SeldonTarget:
    """How a model is served; memory is that of one model.

    Attributes:
        name: Name of the objects; empty for the model's.
        namespace: Namespace; empty to leave it to ``kubectl``.
        server: Name of the ``Server`` of Core 2 that is written if there is an image.
        image: Image with MLServer and the suite; version 1 needs one.
        replicas: Replicas of each model.
        memory: Memory of each model, such as ``256Mi``.
        secret: Secret with the keys of the store; empty if Seldon has one already.
        candidate_percent: Share of the requests that the candidate answers, 1 to 99.
        mirror_percent: Share of the requests that the mirror gets, 1 to 100.
        detectors: Which detectors see the requests too.
        explainer: Whether there is a model of the explanations.
        window_rows: Rows of a window of the drift detector.
    """

    name: str = ""
    namespace: str = ""
    server: str = "mlserver-headrace"
    image: str = ""
    replicas: int = 1
    memory: str = "256Mi"
    secret: str = ""
    candidate_percent: int = 10
    mirror_percent: int = 100
    detectors: tuple[Detector, ...] = ()
    explainer: bool = False
    window_rows: int = 1000

    def __post_init__(self) -> None:
        """Raise if a value is out of range.

        Raises:
            InputError: If so.
        """
        if self.name:
            checked_name(self.name)
        checked_name(self.server)
        if self.namespace and not _LABEL.fullmatch(self.namespace):
            raise InputError(f"a namespace is at most 63 {_LETTERS}; got {quote(self.namespace)} instead.")
        if self.secret and not _SUBDOMAIN.fullmatch(self.secret):
            raise InputError(f"the name of a Secret is at most 253 {_LETTERS}; got {quote(self.secret)} instead.")
        if any(letter.isspace() for letter in self.image):
            raise InputError(f"an image is named as HOST/PATH:TAG, without blanks; got {quote(self.image)} instead.")
        if parse_quantity(self.memory) < _MEBIBYTE:
            raise InputError(f"memory must be at least 1Mi; got {quote(self.memory)} instead.")
        _check_range("replicas", self.replicas, 1, 1000)
        _check_range("candidate_percent", self.candidate_percent, 1, 99)
        _check_range("mirror_percent", self.mirror_percent, 1, 100)
        _check_range("window_rows", self.window_rows, 20, 1_000_000)
        if len(set(self.detectors)) < len(self.detectors):
            raise InputError(f"each detector can be named once; got {', '.join(self.detectors)} instead.")
        unknown = next((one for one in self.detectors if one not in get_args(Detector)), None)
        if unknown is not None:
            raise InputError(
                f"a detector must be one of {', '.join(get_args(Detector))}; got {quote(unknown)} instead."
            )

    @property
    def mebibytes(self) -> int:
        """Memory of one model, in MiB."""
        return to_mebibytes(self.memory)


def to_mebibytes(quantity: str) -> int:
    """Return a quantity such as ``1Gi`` in MiB, rounded up.

    Raises:
        InputError: If it is not a quantity.
    """
    return math.ceil(parse_quantity(quantity) / _MEBIBYTE)


def checked_name(name: str) -> str:
    """Return a name if Kubernetes accepts it for all objects that are made of it.

    Raises:
        InputError: If it does not.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"a name on Seldon must be at most {LONGEST_NAME} lower case letters, digits and dashes and begin with a "
            f"letter; got {quote(name)}: give it another with --name."
        )
    return name


def checked_uri(uri: str, digest: str) -> str:
    """Return an address that Seldon can fetch a bundle from.

    Args:
        uri: The address.
        digest: Digest of the bundle; one in the address must be the same.

    Raises:
        InputError: If it is not an address, or that of another bundle.
    """
    if not re.fullmatch(r"(/|[a-z][a-z0-9+.-]*://)\S+", uri):
        raise InputError(
            f"Seldon fetches a bundle from a store, such as s3://BUCKET/models/NAME/DIGEST/; got {quote(uri, 200)}: "
            "give its address with --uri."
        )
    other = next((part for part in uri.split("/") if re.fullmatch(r"[0-9a-f]{64}", part) and part != digest), "")
    if other:
        raise InputError(f"the address must be that of the bundle {digest[:12]}; got that of {other[:12]}.")
    return uri


def describe(kind: str, version: str, name: str, target: SeldonTarget) -> Document:
    """Return the head of a Kubernetes object."""
    place = {"namespace": target.namespace} if target.namespace else {}
    metadata = {"name": name, **place, "labels": {"app.kubernetes.io/part-of": "headrace"}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputError(f"{name} must be {least} to {most}; got {quote(value)} instead.")
