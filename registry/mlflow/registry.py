"""The registry on MLflow: a SQLite file or a server, with the same client.

The journal is authoritative (``headrace.registry.mlflow.base``). MLflow's registered models, versions, aliases and tags
are a projection of it, so that its UI, and clients that load ``models:/NAME@production``, see the same state. If they
differ, because somebody moved an alias by hand, the next write corrects them.
"""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.core.base.errors import BusyError, HeadraceError, InputError, MissingError, StoreError
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.registry.backends.errors import mlflow_errors
from headrace.registry.backends.locations import RegistryLocation, registry_location
from headrace.registry.mlflow import runs, versions
from headrace.registry.mlflow.base import POLICY, PREFIX, JournalReader
from headrace.registry.mlflow.client import connect
from headrace.registry.mlflow.journals import append, experiment_of, journal_run
from headrace.registry.mlflow.rest_reader import RestJournalReader
from headrace.registry.mlflow.sqlite_reader import SqliteJournalReader
from headrace.registry.models import contract_changes, policy, semver, transitions
from headrace.registry.models.entry_list import EntryList
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.policy import StagePolicy
from headrace.registry.models.state import ModelState, ModelVersion, fold
from headrace.registry.models.submission import ModelSubmission

if TYPE_CHECKING:
    from mlflow import MlflowClient

ATTEMPTS = 50
ATTEMPTS_OF_A_CALL = 8
T = TypeVar("T")


class MlflowRegistry:
    """A ``ModelRegistry`` on MLflow."""

    def __init__(self, place: RegistryLocation) -> None:
        """Set the location; open, create and import nothing yet.

        Args:
            place: Location of the registry.
        """
        self.place = place
        self._reader: JournalReader = SqliteJournalReader(place) if place.path else RestJournalReader(place)
        self._connected: MlflowClient | None = None

    def models(self) -> list[ModelState]:
        """Return all models, by name."""
        journals = self._reader.journals()
        states = [_state(name.removeprefix(PREFIX), texts) for name, texts in sorted(journals.items())]
        return [state for state in states if state.versions]

    def model(self, name: str) -> ModelState:
        """Return one model."""
        state = _state(name, self._reader.journal(PREFIX + name))
        if state.versions:
            return state
        names = ", ".join(other.model for other in self.models()[:10])
        raise MissingError(
            f"there is no model {name!r} in the registry {self.place}; it has {names or 'none'}: register one with "
            "`headrace registry register`."
        )

    def register(
        self, submission: ModelSubmission, *, by: str, reason: str = "", semantic_version: str = "", run: str = ""
    ) -> ModelVersion:
        """Add a bundle as a new version."""
        if not submission.uri:
            raise InputError(
                f"a model must be published before it is registered; {submission.folder} is not: give its URI."
            )
        name, client = submission.name, self._client()
        current = self._current(name)
        if same := current.with_digest(submission.digest):
            return same
        run = run or self.track(submission, by=by)
        plan = self._plan_version(current, submission, semantic_version, run)
        transitions.registration_entry(current, 0, facts=plan, by=by, reason=reason)
        new_number = self._retry_busy(lambda: versions.create(client, submission, current, run=run))

        def entry(state: ModelState) -> JournalEntry | None:
            if state.with_digest(submission.digest):
                return None
            facts = (
                plan
                if state.versions == current.versions
                else self._plan_version(state, submission, semantic_version, run)
            )
            return transitions.registration_entry(state, new_number, facts=facts, by=by, reason=reason)

        version = self._write_entry(name, entry).with_digest(submission.digest)
        if version is None:
            raise StoreError(f"the registry {self.place} lost the version that was just written: look at its log.")
        if version.number != new_number:  # another client has registered the same bundle in the meantime
            self._retry_busy(lambda: versions.delete(client, name, new_number))
        return version

    def promote(self, name: str, version: str, *, stage: str, by: str, reason: str = "") -> ModelVersion:
        """Put a version into a stage, if the policy allows it."""
        self.model(name).find(version)
        stage_policy = self.policy()
        state = self._write_entry(
            name,
            lambda now: transitions.promotion_entry(
                now, version, policy=stage_policy, stage=stage, by=by, reason=reason
            ),
        )
        return state.find(stage)

    def rollback(
        self, name: str, *, to_version: str = "", stage: str = "production", by: str, reason: str = ""
    ) -> ModelVersion:
        """Put an earlier version back into a stage."""
        self.model(name)
        stage_policy = self.policy()
        state = self._write_entry(
            name,
            lambda now: transitions.rollback_entry(
                now, to_version, policy=stage_policy, stage=stage, by=by, reason=reason
            ),
        )
        return state.find(stage)

    def approve(self, name: str, version: str, *, by: str, reason: str, pull_out: bool = False) -> ModelVersion:
        """Record an approval of a version, or of the latest decision to pull it out."""
        self.model(name)
        state = self._write_entry(
            name, lambda now: transitions.approval_entry(now, version, by=by, reason=reason, pull_out=pull_out)
        )
        return state.find(version)

    def pull_out(
        self, name: str, digest: str, *, successor: str, facts: dict[str, Any], by: str, reason: str
    ) -> ModelVersion:
        """Pull a version out of production: another one takes over."""
        self.model(name).find(digest)
        stage_policy = self.policy()
        state = self._write_entry(
            name,
            lambda now: transitions.pull_out_entry(
                now, digest, successor=successor, policy=stage_policy, facts=facts, by=by, reason=reason
            ),
        )
        return state.find(digest)

    def archive(self, name: str, version: str, *, by: str, reason: str = "") -> ModelVersion:
        """Archive a version."""
        self.model(name)
        return self._write_entry(name, lambda now: transitions.archival_entry(now, version, by=by, reason=reason)).find(
            version
        )

    def restore(self, name: str, version: str, *, by: str, reason: str = "") -> ModelVersion:
        """Restore an archived version."""
        self.model(name)
        return self._write_entry(
            name, lambda now: transitions.restoration_entry(now, version, by=by, reason=reason)
        ).find(version)

    def rolled_out(self, digest: str, *, facts: dict[str, Any], by: str, reason: str) -> ModelVersion:
        """Record how a rollout ended."""
        model = next((state for state in self.models() if state.with_digest(digest)), None)
        if model is None:
            raise MissingError(f"no version in the registry {self.place} has the digest {digest[:12]}: register it.")
        state = self._write_entry(
            model.model, lambda now: transitions.rollout_entry(now, digest, facts=facts, by=by, reason=reason)
        )
        return state.find(digest)

    def add_decision(self, name: str, digest: str, *, facts: dict[str, Any], by: str, reason: str) -> ModelVersion:
        """Record a decision of the monitoring."""
        self.model(name).find(digest)
        state = self._write_entry(
            name, lambda now: transitions.decision_entry(now, digest, facts=facts, by=by, reason=reason)
        )
        return state.find(digest)

    def policy(self) -> StagePolicy:
        """Return the policy of the stages; the default one if nobody has set one."""
        entries = self.policy_entries()
        return policy.parse(entries[-1].facts, source=f"the policy in {self.place}") if entries else StagePolicy()

    def set_policy(self, policy: StagePolicy, *, by: str, reason: str = "") -> None:
        """Set the policy of the stages."""
        self._append(POLICY, lambda _: JournalEntry("policy", by, reason, facts=policy.as_json()))

    def policy_entries(self) -> Sequence[JournalEntry]:
        """Return the changes of the policy: who made them, when and why."""
        return EntryList(self._reader.journal(POLICY), "the policy")

    def track(self, submission: ModelSubmission, *, by: str, job: str = "") -> str:
        """Track the run that made a bundle."""
        client, name = self._client(), PREFIX + submission.name
        journal_run(client, name, self.place)

        def call() -> str:
            experiment = experiment_of(client, name, self.place)
            return runs.track(client, submission, experiment_id=experiment, by=by, job=job)

        return self._retry_busy(call)

    def text(self, version: ModelVersion, name: str) -> str:
        """Return the content of a small file of a version's bundle."""
        run = str(version.facts.get("run", ""))
        absent = MissingError(f"{version.model} {version.version} has no {name} in the registry {self.place}.")
        if not run:
            raise absent
        client = self._client()
        with mlflow_errors(self.place), tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
            if name not in {file.path for file in client.list_artifacts(run)}:
                raise absent
            return Path(client.download_artifacts(run, name, scratch)).read_text(encoding="utf-8")

    def _plan_version(
        self, state: ModelState, submission: ModelSubmission, semantic_version: str, run: str
    ) -> dict[str, Any]:
        """Return the facts of a new version, with its semantic version."""
        base = state.followed
        facts = {**submission.facts(), "digest": submission.digest, "uri": submission.uri, "run": run}
        change: dict[str, Any] = {"level": "", "changes": [], "follows": base.number if base else 0}
        version = semver.FIRST
        if base:
            level, reasons = contract_changes.level(
                self._contract(base, submission),
                submission.contract,
                before=base.facts.get("metrics", {}),
                after=facts["metrics"],
            )
            version = semver.following(base.semver, level, taken=[existing.semver for existing in state.versions])
            change |= {"level": level, "changes": [text[:120] for text in reasons[:10]]}
        return {
            **facts,
            **change,
            "version": str(semver.SemVer.parse(semantic_version) if semantic_version else version),
        }

    def _contract(self, base: ModelVersion, submission: ModelSubmission) -> Contract:
        """Return the contract of the version that a bundle follows."""
        if base.facts.get("contract") == submission.facts()["contract"]:
            return submission.contract
        return contract_yaml.parse(self.text(base, "contract.yaml"), source=f"{base.model} {base.version}")

    def _write_entry(self, name: str, entry: Callable[[ModelState], JournalEntry | None]) -> ModelState:
        """Append the entry that ``entry`` derives from the current state, and update MLflow's projection."""
        texts = self._append(PREFIX + name, lambda entries: entry(fold(name, entries)))
        state = _state(name, texts)
        while True:
            self._show(state)
            # A later writer may have updated the projection before this one did, so check that it is the latest.
            latest = self._current(name)
            if latest.entries == state.entries:
                return state
            state = latest

    def _show(self, state: ModelState) -> None:
        """Update MLflow's projection to a state."""
        try:
            self._retry_busy(lambda: versions.update_projection(self._client(), state))
        except HeadraceError as error:
            raise StoreError(
                f"what was done to {state.model} is recorded, but MLflow does not show it yet, because {error} Give "
                "the same command again."
            ) from error

    def _retry_busy(self, call: Callable[[], T]) -> T:
        """Return what ``call`` returns, and retry it while other clients block it; it must be idempotent."""
        for _ in range(ATTEMPTS_OF_A_CALL):
            try:
                with mlflow_errors(self.place):
                    return call()
            except BusyError:
                time.sleep(random.uniform(0.05, 0.4))  # noqa: S311 - so that two do not meet again
        with mlflow_errors(self.place):
            return call()

    def _append(self, journal: str, entry: Callable[[Sequence[JournalEntry]], JournalEntry | None]) -> list[str]:
        run = ""
        for _ in range(ATTEMPTS):
            texts = self._texts(journal)
            journal_entry = entry(EntryList(texts, journal.removeprefix(PREFIX)))
            if journal_entry is None:
                return texts
            # Create the journal only now, so that a rejected action leaves nothing behind.
            run = run or journal_run(self._client(), journal, self.place)
            text = journal_entry.after(texts).text()
            if append(self._client(), run, text, number=len(texts) + 1, place=self.place):
                return [*texts, text]
        raise StoreError(f"too many clients write to {journal} in the registry {self.place} at once: try again.")

    def _texts(self, journal: str) -> list[str]:
        return self._reader.journal(journal) if self.place.path is None or self.place.path.exists() else []

    def _current(self, name: str) -> ModelState:
        return _state(name, self._reader.journal(PREFIX + name))

    def _client(self) -> "MlflowClient":
        if self._connected is None:
            self._connected = connect(self.place)
        return self._connected


def open_registry(text: str = "") -> MlflowRegistry:
    """Return the registry at an address; empty for the environment's, or else the default file.

    Raises:
        InputError: If the address is invalid.
    """
    return MlflowRegistry(registry_location(text))


def _state(name: str, texts: Sequence[str]) -> ModelState:
    return fold(name, EntryList(texts, name))
