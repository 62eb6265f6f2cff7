"""Versions of the model of pumps in a registry, and decisions about them in a store."""

import atexit
import functools
import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule, PullOut, RetrainingPolicy
from headrace.core.monitors.reports.monitor_report import FORMAT, MonitorReport, MonitorResult, ReportWindow, Status
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.decisions.decide_window import TrainingFacts, decide_window, latest_window
from headrace.monitoring.decisions.history import HistoryStore
from headrace.registry.mlflow.registry import MlflowRegistry, open_registry
from headrace.registry.models.state import ModelVersion
from headrace.registry.models.submission import ModelSubmission
from headrace.stores.objects.open_objects import open_objects
from tests.monitoring.monitors.pump_store import pump_bundle
from tests.registry.made import variant

DAY = timedelta(days=1)


def rules(plan: PullOut = "roll_back", **changes: object) -> MonitoringPolicy:
    """A policy that pulls a model out after one day with too many errors."""
    values = {
        "violated_windows": 1,
        "considered_windows": 1,
        "monitors": {"error_rate": MonitorRule("roll_back", maximum=0.05), "missing": MonitorRule()},
        "retraining": RetrainingPolicy(at_least_every_days=0, at_most_every_days=0),
        "pull_out": plan,
        **changes,
    }
    return MonitoringPolicy(**values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Life:
    """A model in use.

    Attributes:
        home: A folder.
        name: Name of the model.
        versions: Its versions by number, from 1; the last one is the bundle of the pumps.
        folders: Their bundles.
    """

    home: Path
    name: str
    versions: tuple[ModelVersion, ...]
    folders: tuple[Path, ...]

    @property
    def store(self) -> str:
        """Address of the monitoring store."""
        return str(self.home / "store")

    @property
    def registry(self) -> MlflowRegistry:
        """The registry."""
        return open_registry()

    def in_production(self) -> str:
        """Semantic version of what is in production."""
        current = self.registry.model(self.name).stage("production")
        return current.version if current else ""

    def decide(
        self, version: int, statuses: dict[str, Status], policy: MonitoringPolicy, *, days_ago: int = 0
    ) -> MonitorDecision:
        """Report about the latest day of a version, and decide."""
        now = datetime.now(UTC) - days_ago * DAY
        window, digest = latest_window(policy, now), self.versions[version - 1].digest
        history = HistoryStore(open_objects(self.store, create=True), self.name)
        history.add_report(_report(self.name, digest, window, statuses))
        facts = TrainingFacts(window.end - 30 * DAY)
        return decide_window(history, digest, window, policy=policy, facts=facts, now=now)[0]


def _report(name: str, digest: str, window: TimeWindow, statuses: dict[str, Status]) -> MonitorReport:
    results = tuple(MonitorResult(one, "", status, f"{one} is {status}.") for one, status in statuses.items())
    return MonitorReport(FORMAT, name, digest, ReportWindow(**window.as_json()), 100, 100, 0, 0.01, results)


def copy_life(home: Path, count: int) -> Life:
    """So many versions, each of which in turn went to production, in a registry of its own in ``home``.

    Each process makes them once, for MLflow takes its time to make a registry.
    """
    folder, versions, folders = _make_versions(count)
    shutil.copyfile(folder / "registry.db", home / "registry.db")
    return Life(home, pump_bundle().name, versions, folders)


@functools.cache
def _make_versions(count: int) -> tuple[Path, tuple[ModelVersion, ...], tuple[Path, ...]]:
    home = Path(tempfile.mkdtemp(prefix="versions-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    bundle, registry = pump_bundle(), open_registry(str(home / "registry.db"))
    marked = [variant(bundle.folder, home / f"version-{one}", mark=str(one)) for one in range(1, count)]
    submissions = [replace(one, uri=str(one.folder)) for one in marked]
    versions = []
    for one in (*submissions, ModelSubmission.of(bundle, uri=str(bundle.folder))):
        versions.append(registry.register(one, by="ann"))
        registry.promote(bundle.name, versions[-1].digest, stage="production", by="ann")
    return home, tuple(versions), (*(one.folder for one in marked), bundle.folder)
