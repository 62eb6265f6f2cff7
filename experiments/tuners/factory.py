"""Where the trials of a search run: the one place that chooses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from headrace.core.base.errors import InputError, quote
from headrace.core.base.remedies import require_store
from headrace.experiments.search.budget import seconds
from headrace.experiments.tuners.local import LocalTuner, Tuner

if TYPE_CHECKING:
    from headrace.experiments.tuners.katib import KatibTuner

TunerKind = Literal["local", "katib"]
Cleanup = Literal["always", "succeeded", "never"]
TRIAL_ACCOUNT = "headrace-trial"
"""Service account of the trials' pods, which has no right at all; every overlay brings it."""


@dataclass(frozen=True)
class TunerTarget:
    """Where and how trials run.

    Attributes:
        on: ``local``, in this process, or ``katib``.
        journal: Here: file or folder in which finished trials are kept until the search is whole; empty for none.
        image: There: image of the trials' pods.
        deadline: There: longest time, such as ``2h``; empty for a day.
        cleanup: There: when the Experiments are deleted: ``always``, if they ``succeeded``, or ``never``.
        namespace: There: namespace of the Experiments; empty for the pod's own, or the context's.
    """

    on: str = "local"
    journal: str = ""
    image: str = ""
    deadline: str = ""
    cleanup: str = "succeeded"
    namespace: str = ""

    def __post_init__(self) -> None:
        """Refuse words that mean nothing.

        Raises:
            InputError: If there are any.
        """
        if self.on not in get_args(TunerKind):
            raise InputError(
                f"a search must be run on {' or '.join(get_args(TunerKind))}; got {quote(self.on)} instead."
            )
        if self.cleanup not in get_args(Cleanup):
            raise InputError(f"cleanup must be one of {list(get_args(Cleanup))}; got {quote(self.cleanup)} instead.")


def choose(place: TunerTarget) -> Tuner:
    """The tuner of a place.

    Raises:
        InputError: If Katib is asked for and no object store is set, or the deadline is no time.
        ClusterError: If there is no way to a cluster.
    """
    if place.on == "local":
        return LocalTuner(Path(place.journal) if place.journal else None)
    return katib(place, pod={"service_account": TRIAL_ACCOUNT})


def katib(place: TunerTarget, *, pod: Mapping[str, Any] | None = None) -> "KatibTuner":
    """Katib on the current cluster; raises as ``choose`` does.

    Args:
        place: How trials run there.
        pod: Fields of ``katib_spec.Pod`` that differ from the defaults.
    """
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415 - a search here needs no cluster
    from headrace.experiments.tuners.katib import KatibOptions, KatibTuner  # noqa: PLC0415
    from headrace.experiments.tuners.katib_spec import TrialPod  # noqa: PLC0415

    store = require_store("a search on Katib needs an object store that the trials' pods reach too")
    deadline = seconds(place.deadline) if place.deadline else KatibOptions.deadline_seconds
    cleanup: Cleanup = "always" if place.cleanup == "always" else "never" if place.cleanup == "never" else "succeeded"
    return KatibTuner(
        connect(namespace=place.namespace),
        store,
        KatibOptions(TrialPod(place.image, **(pod or {})), deadline_seconds=deadline, cleanup=cleanup),
    )
