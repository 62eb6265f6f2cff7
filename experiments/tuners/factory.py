"""Creates the tuner for a target: this process or Katib."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from headrace.core.base.durations import seconds
from headrace.core.base.errors import InputError, quote
from headrace.core.base.remedies import require_store
from headrace.experiments.tuners.local import LocalTuner, Tuner

if TYPE_CHECKING:
    from headrace.experiments.tuners.katib import KatibTuner

TunerKind = Literal["local", "katib"]
Cleanup = Literal["always", "succeeded", "never"]
TRIAL_ACCOUNT = "headrace-trial"
"""Service account of the trials' pods, without any rights; every overlay has it."""


@dataclass(frozen=True)
class TunerTarget:
    """Where and how trials run.

    Attributes:
        tuner: ``local``, in this process, or ``katib``.
        journal: Locally: file or folder that stores finished trials until the search is complete; empty for none.
        image: On Katib: image of the trials' pods.
        deadline: On Katib: longest time, such as ``2h``; empty for a day.
        cleanup: On Katib: when the Experiments are deleted: ``always``, if they ``succeeded``, or ``never``.
        namespace: On Katib: namespace of the Experiments; empty for the pod's own, or the context's.
    """

    tuner: str = "local"
    journal: str = ""
    image: str = ""
    deadline: str = ""
    cleanup: str = "succeeded"
    namespace: str = ""

    def __post_init__(self) -> None:
        """Raise if ``tuner`` or ``cleanup`` has an unknown value.

        Raises:
            InputError: If so.
        """
        if self.tuner not in get_args(TunerKind):
            raise InputError(
                f"a search must be run on {' or '.join(get_args(TunerKind))}; got {quote(self.tuner)} instead."
            )
        if self.cleanup not in get_args(Cleanup):
            raise InputError(f"cleanup must be one of {list(get_args(Cleanup))}; got {quote(self.cleanup)} instead.")


def create_tuner(target: TunerTarget) -> Tuner:
    """Return the tuner for a target.

    Raises:
        InputError: If Katib is to run the trials and no object store is set, or the deadline is not a duration.
        ClusterError: If no cluster can be reached.
    """
    if target.tuner == "local":
        return LocalTuner(Path(target.journal) if target.journal else None)
    return katib(target, pod={"service_account": TRIAL_ACCOUNT})


def katib(target: TunerTarget, *, pod: Mapping[str, Any] | None = None) -> "KatibTuner":
    """Return the tuner for Katib on the current cluster; raise as ``create_tuner`` does.

    Args:
        target: How trials run there.
        pod: Fields of ``katib_spec.TrialPod`` that differ from the defaults.
    """
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415 - a search here needs no cluster
    from headrace.experiments.tuners.katib import KatibOptions, KatibTuner  # noqa: PLC0415
    from headrace.experiments.tuners.katib_spec import TrialPod  # noqa: PLC0415

    store = require_store("a search on Katib needs an object store that the trials' pods reach too")
    deadline = seconds(target.deadline) if target.deadline else KatibOptions.deadline_seconds
    cleanup: Cleanup = "always" if target.cleanup == "always" else "never" if target.cleanup == "never" else "succeeded"
    return KatibTuner(
        connect(namespace=target.namespace),
        store,
        KatibOptions(TrialPod(target.image, **(pod or {})), deadline_seconds=deadline, cleanup=cleanup),
    )
