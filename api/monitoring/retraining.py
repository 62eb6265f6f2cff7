"""Retrain a model on old and new rows, and let the new version take over where it is better."""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from headrace.api.local_run import RunOutput, training_run
from headrace.api.model_reference import ModelReference, open_model, resolve_model
from headrace.api.monitoring.monitor import read_policy
from headrace.api.notebook.result_views import html_or_none
from headrace.api.progress import describe_event
from headrace.api.run_result import Run
from headrace.api.tables import TableReference, table_address
from headrace.core.base.errors import InputError
from headrace.core.base.remedies import require_store
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.monitors.decisions.policy import MonitoringPolicy, Widening
from headrace.core.packaging.cards import card_answers
from headrace.core.packaging.provenance_document import Provenance
from headrace.monitoring.retraining.prepare_training import PreparedTraining, RetrainingOptions, prepare_training
from headrace.monitoring.retraining.training_rows import read_raw_rows
from headrace.pipelines.definitions.option_fields import option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions
from headrace.pipelines.local.runner import StepEvent
from headrace.pipelines.replay.arguments import recorded_options, restore_experiment
from headrace.registry.backends.locations import FOLDER
from headrace.registry.mlflow.registry import open_registry
from headrace.rollouts.kserve import KServeRollout
from headrace.rollouts.local import LocalRollout
from headrace.rollouts.record.record import RolloutPlan
from headrace.rollouts.record.registry_note import enter_production
from headrace.rollouts.step import StepOptions, plan_of, rollout_step
from headrace.serving.deployment.target import DeploymentTarget
from headrace.stores.objects.open_objects import open_objects

if TYPE_CHECKING:
    from headrace.reports.notebook.fragment import Fragment

RetrainingStatus = Literal["promoted", "rolled_back", "aborted", "waits", "published", "kept"]
# Steps whose arguments say how a model was made; those of the others depend on the table.
_LEARNING_STEPS = frozenset({"tune", "train", "evaluate", "gate"})
_ENDINGS: Mapping[str, str] = {
    "promoted": "the new version takes over",
    "rolled_back": "the rollout went back, and the former version serves",
    "aborted": "the rollout was aborted, and the former version serves",
    "waits": "the new version waits for a person's approval",
    "published": "the new version is published, and not rolled out",
    "kept": "the former version stays",
}
_LOCAL_STEPS = (10, 50, 100)
_CLUSTER_STEPS = (1, 5, 25, 50, 100)
# The gate has found the new version better on the newest labelled rows: that it predicts otherwise is no fault of it.
_TOLERANCES = {"shift": 100.0}


@dataclass(frozen=True, repr=False)
class Retraining:
    """The result of a retraining.

    Attributes:
        status: ``promoted``, ``rolled_back`` or ``aborted`` by the rollout; ``waits`` for an approval; ``published``
            without a rollout; ``kept``: the gate does not find the new version better.
        sentence: What happened.
        prepared: What it was trained on.
        run: The training run, with metrics, verdict and report.
        production: Name and version that are in production in the run's registry since then, such as ``tips 1.0.1``;
            empty if the new version was not put there.
    """

    status: RetrainingStatus
    sentence: str
    prepared: PreparedTraining
    run: Run
    production: str = ""

    def _repr_html_(self) -> str | None:
        """Return what came of it, as a notebook shows it."""
        return html_or_none(self._describe)

    def _describe(self) -> "Fragment":
        from headrace.reports.notebook.models import describe_metrics, describe_retraining  # noqa: PLC0415 - only a notebook needs it

        metrics = {name: one.model_dump() for name, one in self.run.metrics.items()}
        return describe_retraining(
            self.status,
            self.sentence,
            name=self.prepared.name,
            rows=self.prepared.rows,
            notes=[*self.prepared.changes, *(note.sentence for note in self.prepared.notes)],
            metrics=describe_metrics(metrics, self.run.baseline) if metrics else None,
            production=self.production,
        )

    def __repr__(self) -> str:
        """Return one line: model, status, and what happened."""
        return f"<Retraining {self.prepared.name}: {self.status}, {self.sentence}>"


@dataclass(frozen=True)
class RolloutPlace:
    """Where a retrained version takes over.

    Attributes:
        platform: ``local``: a trial on this machine with the held-out rows as requests; or ``kserve``.
        endpoint: On KServe: name of the endpoint; empty for the model's.
        namespace: On KServe: its namespace; empty for the context's.
        context: On KServe: context of the kubeconfig; empty for the current one.
        prometheus: On KServe: address of Prometheus; empty to ask the pods.
        traffic: On KServe: how requests are split, ``canary``, ``knative`` or ``graph``; empty for the cluster's way.
        steps: Shares of the requests, in percent; empty for 1, 5, 25, 50, 100 on KServe and 10, 50, 100 here.
        step_requests: Minimum requests to the new version in a step.
        step_duration: Minimum duration of a step, such as ``60s``; empty for the platform's.
        step_timeout: Maximum duration of a step, such as ``1h``; empty for the platform's.
        poll_interval: Time between two polls of the metrics; empty for the platform's.
        tolerances: How much worse the new version may be, by check; a check without one has the rollout's, and a shift
            of the predictions is allowed.
        floor_ms: Latency below which requests count as equally fast, in milliseconds.
    """

    platform: str = "local"
    endpoint: str = ""
    namespace: str = ""
    context: str = ""
    prometheus: str = ""
    traffic: str = ""
    steps: tuple[int, ...] = ()
    step_requests: int = 200
    step_duration: str = ""
    step_timeout: str = ""
    poll_interval: str = ""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    floor_ms: float = 5.0

    def __post_init__(self) -> None:
        """Raise if an option is invalid, or is given and not used, before hours of training.

        Raises:
            InputError: If so.
        """
        if self.platform not in {"local", "kserve"}:
            raise InputError(f"the platform must be local or kserve; got {self.platform!r} instead.")
        if self.platform == "local" and any(
            (self.endpoint, self.namespace, self.context, self.prometheus, self.traffic)
        ):
            raise InputError(
                "an endpoint, namespace, context, Prometheus or way of splitting goes with a rollout on KServe: add "
                "--platform kserve."
            )
        KServeRollout(self.endpoint, traffic=self.traffic)
        self.plan()

    def plan(self) -> RolloutPlan:
        """Return the plan of the rollout.

        Raises:
            InputError: If an option is invalid.
        """
        here = self.platform == "local"
        return plan_of(
            list(self.steps or (_LOCAL_STEPS if here else _CLUSTER_STEPS)),
            here=here,
            step_duration=self.step_duration,
            step_timeout=self.step_timeout,
            poll_interval=self.poll_interval,
            step_requests=self.step_requests,
            tolerances={**_TOLERANCES, **self.tolerances},
            floor_ms=self.floor_ms,
        )


def retrain(
    model: ModelReference,
    store: str | Path,
    *,
    new: TableReference | None = None,
    old: str | Path = "",
    policy: str | Path | MonitoringPolicy | None = None,
    raise_contract: Sequence[Widening] = (),
    budget: str | int = "",
    rollout: RolloutPlace | None = RolloutPlace(),
    output: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
    on_event: Callable[[StepEvent], None] | None = None,
    verbose: bool = False,
) -> Retraining:
    """Retrain a model on old and new rows, as ``headrace retrain`` does.

    Rows are validated first; rows that break the contract are never trained on. The newest labelled rows are held out
    by time, and the new version must be better on them than the one in service, by the gate's test. Then it is rolled
    out. A version that the rollout promotes enters the stage ``production`` of the registry, if its policy allows that;
    on KServe only in place of the version that it has replaced, or where none was in production.

    Args:
        model: The model in service; see ``resolve_model``.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        new: Labelled rows since the last training: a path, an address or a frame (n rows) with the contract's columns
            and ``time``; None for the stored rows whose labels have come.
        old: Path or address of the table that the model was made from; empty for the bundle's copy of it.
        policy: A monitoring policy or its file; None for the default one.
        raise_contract: What may become wider in the contract: ``categories``, ``range``, ``missing``.
        budget: Trials or time of the search; empty for that of the model in service.
        rollout: Where the new version takes over; None for no rollout.
        output: The run's folder; None for ``headrace-out/NAME-retrained``.
        progress: Called with a line of text for each step that ended; None for silence.
        on_event: Called with each event of a step, in place of ``progress``.
        verbose: Whether the steps' raw logs go to standard error.

    Raises:
        DataError: If the rows are not fit for training; nothing is trained.
        InputError: If an option is invalid, or a person must allow a wider contract first.
        MissingError: If a table or the model does not exist.
        HeadraceError: If a step fails.
    """
    rules = read_policy(policy)
    say = progress or (lambda _: None)
    if rollout is not None and rollout.platform == "kserve":
        require_store("a rollout on KServe needs an object store that its pods reach too")
    with open_model(model) as bundle, table_address(new) if new is not None else nullcontext("") as address:
        recorded, former = _recorded_options(bundle), bundle.digest
        options = RetrainingOptions(
            old=str(old),
            widen=tuple(raise_contract),
            test_size=float(recorded.get("test_size", 0.2)),
            seed=int(recorded.get("seed", 0)),
        )
        place = open_objects(str(store), create=True)
        rows = read_raw_rows(address) if address else None
        prepared = prepare_training(bundle, rows, place, policy=rules, options=options)
        for line in (*prepared.changes, *(note.sentence for note in prepared.notes)):
            say(line)
        home = Path(output) if output else FOLDER / f"{bundle.name}-retrained"
        run_output = RunOutput(
            home=home,
            records=Path(output) if output else FOLDER,
            on_event=on_event or _line_printer(say),
            raw_log=sys.stderr if verbose else None,
        )
        run = _train(bundle, prepared, recorded, champion=resolve_model(model), budget=str(budget), output=run_output)
        status = _take_over(run, prepared, champion=resolve_model(model), policy=rules, rollout=rollout, say=say)
    sentence, production = _describe(status, prepared, run), ""
    if status == "promoted" and rollout is not None:
        digest = run.model.digest if run.model else ""
        replaced = former if rollout.platform == "kserve" else ""
        version, note = enter_production(prepared.name, digest, run.summary.registry, replaced=replaced)
        production, sentence = f"{prepared.name} {version}" if version else "", f"{sentence} {note}"
    return Retraining(status, sentence, prepared, run, production)


def _recorded_options(bundle: Bundle) -> dict[str, Any]:
    """Return the options by which a model was made; empty for one that no run of the suite made."""
    steps = Provenance.from_json(bundle.json("provenance.json")).arguments
    if steps is None:
        return {}
    return {**recorded_options(steps), "seed": steps.get("split", {}).get("seed", 0)}


def _train(
    bundle: Bundle,
    prepared: PreparedTraining,
    recorded: Mapping[str, Any],
    *,
    champion: str,
    budget: str,
    output: RunOutput,
) -> Run:
    """Run the training pipeline on what was prepared, with the options of the model in service."""
    learned = {
        name: recorded[name]
        for name, option in option_fields(TrainingOptions).items()
        if name in recorded and _LEARNING_STEPS.intersection(option.parameters)
    }
    card = bundle.folder / card_answers.FILE
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        values = {
            **learned,
            "experiment": restore_experiment(str(recorded.get("experiment", "")), Path(scratch)),
            "source": prepared.source,
            "target": "",
            "name": prepared.name,
            "contract": prepared.contract,
            "split_method": "time",
            "test_size": prepared.test_size,
            "champion": champion,
            "card": str(card) if card.exists() else "",
            "include_data": bool(Provenance.from_json(bundle.json("provenance.json")).data.copied),
            "serve": False,
            **({"budget": budget} if budget else {}),
        }
        with training_run(TrainingOptions(**values).pipeline_arguments(), output) as completed:
            return completed


def _take_over(
    run: Run,
    prepared: PreparedTraining,
    *,
    champion: str,
    policy: MonitoringPolicy,
    rollout: RolloutPlace | None,
    say: Callable[[str], None],
) -> RetrainingStatus:
    """Roll a new version out if it is better, and a person has approved it where the policy demands it."""
    if run.verdict != "promote":
        return "kept"
    if rollout is None:
        return "published"
    if "roll_out" in policy.approve and not _is_approved(run):
        return "waits"
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        record = run.home.parent / f"{run.home.name}-rollout.json"
        options = _rollout_options(run, prepared, rollout, champion=champion, scratch=Path(scratch))
        ended = rollout_step(options, record=record, say=say, registry=run.summary.registry)
    status: RetrainingStatus = ended["status"]  # type: ignore[assignment]  # one of the three
    return status


def _is_approved(run: Run) -> bool:
    if run.model is None or not run.summary.registry:
        return False
    version = open_registry(run.summary.registry).model(run.model.name).with_digest(run.model.digest)
    return version is not None and bool(version.approvals)


def _rollout_options(
    run: Run, prepared: PreparedTraining, rollout: RolloutPlace, *, champion: str, scratch: Path
) -> StepOptions:
    if rollout.platform == "kserve":
        if run.model is None or not run.model.uri:
            raise InputError("a rollout on KServe needs a published version; this one is not published.")
        target = DeploymentTarget("kserve", rollout.namespace, rollout.context)
        endpoint = rollout.endpoint or prepared.name
        kserve = KServeRollout(endpoint, run.model.uri, rollout.traffic, target, rollout.prometheus)
        return StepOptions("kserve", rollout.plan(), kserve=kserve)
    requests = scratch / "requests.parquet"
    _write_requests(prepared, contract_yaml.load(run.home / "contract.yaml"), requests)
    local = LocalRollout(stable=champion, candidate=str(run.home / "bundle"), table=str(requests))
    return StepOptions("local", rollout.plan(), local=local)


def _write_requests(prepared: PreparedTraining, contract: Contract, path: Path) -> None:
    """Write the rows that were held out, with inputs and target alone, as requests of a trial."""
    rows = read_raw_rows(prepared.source).sort(contract.time_column, nulls_last=False)
    names = [contract.target.name, *(column.name for column in contract.inputs)]
    rows.tail(prepared.rows["held_out"]).select(names).write_parquet(path)


def _describe(status: RetrainingStatus, prepared: PreparedTraining, run: Run) -> str:
    rows = prepared.rows
    reason = next((text for text in run.reasons if "champion" in text), "")
    return (
        f"{prepared.name} is retrained on {rows['old']:,} old and {rows['new'] - rows['held_out']:,} new rows, and "
        f"measured on the newest {rows['held_out']:,}. {reason} The gate says {run.verdict}: {_ENDINGS[status]}."
    )


def _line_printer(say: Callable[[str], None]) -> Callable[[StepEvent], None]:
    def show(event: StepEvent) -> None:
        line = describe_event(event)
        if line:
            say(line)

    return show
