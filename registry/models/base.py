"""The port of the registry: what every registry of models guarantees."""

from collections.abc import Sequence
from typing import Any, Protocol

from headrace.registry.models.policy import StagePolicy
from headrace.registry.models.state import ModelState, ModelVersion
from headrace.registry.models.submission import ModelSubmission

PRODUCTION = "production"


class ModelRegistry(Protocol):
    """Versions of models, their stages, and who decided so.

    Every implementation guarantees:

    - A version never changes: its number, semantic version, digest and address belong to one bundle for ever. A bundle
      that is registered again keeps its version.
    - Each change leaves one entry in the model's history, in the order in which it took effect; entries are never
      changed or deleted. A call that raises leaves none, unless its sentence says so.
    - Decisions use the state at the time when they take effect: if two people promote at once, the second decision is
      made again on the result of the first.
    - Each stage has at most one version. A rejected or archived version enters no stage.
    - Several processes, machines and people may call at once.
    - ``by`` is the caller's own claim; the server decides who may write.
    - Errors are ``MissingError`` for what does not exist, ``InputError`` for what is not allowed, ``StoreError`` if the
      registry is down, locked or refuses the user, ``DataError`` if its history was altered.
    """

    def models(self) -> list[ModelState]:
        """Return all models, by name; ``MissingError`` if there is no registry yet."""

    def model(self, name: str) -> ModelState:
        """Return one model; ``MissingError`` if it does not exist."""

    def register(
        self, submission: ModelSubmission, *, by: str, reason: str = "", semantic_version: str = "", run: str = ""
    ) -> ModelVersion:
        """Add a bundle as a new version.

        Args:
            submission: The bundle; it must be published.
            by: Who registers it.
            reason: Why.
            semantic_version: Its semantic version, such as ``2.0.0``; empty to derive it from the version in
                production, or else from the latest one.
            run: Id of its tracked run; empty to track it now.
        """

    def promote(self, name: str, version: str, *, stage: str, by: str, reason: str = "") -> ModelVersion:
        """Put a version into a stage, if the policy allows it; do nothing if it is there already."""

    def rollback(
        self, name: str, *, to_version: str = "", stage: str = PRODUCTION, by: str, reason: str = ""
    ) -> ModelVersion:
        """Put an earlier version back into a stage: the previous one, or ``to_version``.

        A version that has been in the stage before is always allowed; any other must satisfy the policy of ``promote``.
        """

    def approve(self, name: str, version: str, *, by: str, reason: str, pull_out: bool = False) -> ModelVersion:
        """Record an approval of a version, or of the latest decision to pull it out, with its reason."""

    def pull_out(
        self, name: str, digest: str, *, successor: str, facts: dict[str, Any], by: str, reason: str
    ) -> ModelVersion:
        """Pull a version out of production: another one takes over, and no rollback goes back to it by itself.

        Do nothing if it is pulled out already. A version that has been in production is always allowed as successor;
        any other needs the approvals that the policy demands, and no verdict, for no gate judges a baseline.

        Args:
            name: Name of the model.
            digest: Digest of the version that is pulled out; ``MissingError`` if no version has it.
            successor: The version that takes over.
            facts: Facts to record: ``plan``, and of a decision its digest (``decision``) and ``window``.
            by: Who pulls it out.
            reason: Why.
        """

    def archive(self, name: str, version: str, *, by: str, reason: str = "") -> ModelVersion:
        """Archive a version; ``InputError`` if it is in a stage."""

    def restore(self, name: str, version: str, *, by: str, reason: str = "") -> ModelVersion:
        """Restore an archived version."""

    def rolled_out(self, digest: str, *, facts: dict[str, Any], by: str, reason: str) -> ModelVersion:
        """Record how a rollout ended; do nothing if it is recorded already.

        Args:
            digest: Digest of the candidate's bundle, of any model; ``MissingError`` if no version has it.
            facts: Facts to record: ``status``, ``endpoint``, ``stable``, ``steps``, digest of the ``record``.
            by: Who rolled it out.
            reason: Why it ended so.
        """

    def add_decision(self, name: str, digest: str, *, facts: dict[str, Any], by: str, reason: str) -> ModelVersion:
        """Record a decision of the monitoring; do nothing if one about the same window is recorded already.

        Args:
            name: Name of the model.
            digest: Digest of the version in service; ``MissingError`` if no version has it.
            facts: Facts to record: ``window``, ``outcome``, ``policy``, ``figures``, digest of the ``document``.
            by: Who decided.
            reason: Why.
        """

    def policy(self) -> StagePolicy:
        """Return the policy of the stages."""

    def set_policy(self, policy: StagePolicy, *, by: str, reason: str = "") -> None:
        """Set the policy of the stages."""

    def policy_entries(self) -> Sequence[object]:
        """Return the changes of the policy: who made them, when and why."""

    def track(self, submission: ModelSubmission, *, by: str, job: str = "") -> str:
        """Track the run that made a bundle, with parameters, metrics, artifacts and data; reuse an existing run.

        Args:
            submission: The bundle; it need not be published, so that rejected runs are tracked too.
            by: Who ran it.
            job: Id of the pipeline's run; empty if unknown.

        Returns:
            Id of the tracked run.
        """

    def text(self, version: ModelVersion, name: str) -> str:
        """Return the content of a small file of a version's bundle, such as ``card.md``; ``MissingError`` if absent."""
