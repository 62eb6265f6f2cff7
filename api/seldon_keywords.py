"""The keywords of exports to Seldon and MLServer; most are fields of ``SeldonTarget``."""

from collections.abc import Sequence
from typing import Literal, TypedDict


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
