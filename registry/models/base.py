"""The registry's port: what every registry of models promises."""

from collections.abc import Sequence
from typing import Any, Protocol

from headrace.registry.models.policy import StagePolicy
from headrace.registry.models.state import ModelState, ModelVersion
from headrace.registry.models.submission import ModelSubmission

PRODUCTION = "production"


class ModelRegistry(Protocol):
    """Versions of models, which of them is in use, and who decided so.

    What every implementation promises:

    - A version never changes: its number, semantic version, digest and address are given once, to one bundle, and never
      to another. A bundle that is registered again keeps its version.
    - Whatever is done leaves one entry in the model's history, in the order in which it took effect; entries are never
      changed or taken away. A call that raises leaves none, unless its sentence says so.
    - Decisions are made on what is true when they take effect: of two people who promote at once, the second one
      decides again on what the first one left.
    - Each stage holds at most one version. A version that the gate rejected, or that is archived, enters none.
    - Calls may come from several processes, machines and people at once.
    - ``by`` is what the caller says of itself; who may write at all is the server's matter.
    - Errors are ``MissingError`` for what is not there, ``InputError`` for what is not allowed, ``StoreError`` if the
      registry is down, locked or refuses whoever asks, ``DataError`` if its history was altered.
    """

    def models(self) -> list[ModelState]:
        """All models, by name; ``MissingError`` if there is no registry yet."""

    def model(self, name: str) -> ModelState:
        """One model; ``MissingError`` if nothing of it is known."""

    def register(
        self, submission: ModelSubmission, *, by: str, reason: str = "", number: str = "", run: str = ""
    ) -> ModelVersion:
        """Add a bundle as a new version.

        Args:
            submission: The bundle; it must be published.
            by: Who registers it.
            reason: Why.
            number: Semantic version that it is to have; empty to derive it from the version in production, or else
                from the latest one.
            run: Identity of its tracked run; empty to track it now.
        """

    def promote(self, name: str, version: str, *, stage: str, by: str, reason: str = "") -> ModelVersion:
        """Put a version into a stage, if the policy lets it; nothing happens if it is there already."""

    def rollback(self, name: str, *, to: str = "", stage: str = PRODUCTION, by: str, reason: str = "") -> ModelVersion:
        """Put an earlier version back into a stage: the one before, or ``to``.

        A version that has been in the stage before needs nothing more; any other needs what ``promote`` asks for.
        """

    def approve(self, name: str, version: str, *, by: str, reason: str) -> ModelVersion:
        """Record that somebody approves of a version, and why."""

    def archive(self, name: str, version: str, *, by: str, reason: str = "") -> ModelVersion:
        """Take a version out of use; one that is in a stage stays."""

    def restore(self, name: str, version: str, *, by: str, reason: str = "") -> ModelVersion:
        """Bring an archived version back into use."""

    def rolled_out(self, digest: str, *, facts: dict[str, Any], by: str, reason: str) -> ModelVersion:
        """Record how a rollout ended; nothing happens if it is recorded already.

        Args:
            digest: Digest of the candidate's bundle, whatever its model; ``MissingError`` if no version has it.
            facts: What is remembered: ``status``, ``endpoint``, ``stable``, ``steps``, digest of the ``record``.
            by: Who rolled out.
            reason: Why it ended so.
        """

    def policy(self) -> StagePolicy:
        """What the stages ask for."""

    def set_policy(self, policy: StagePolicy, *, by: str, reason: str = "") -> None:
        """Change what the stages ask for."""

    def policy_entries(self) -> Sequence[object]:
        """Who changed the policy, when and why."""

    def track(self, submission: ModelSubmission, *, by: str, job: str = "") -> str:
        """Keep the run that made a bundle, with parameters, metrics, artifacts and data; the same again if it is known.

        Args:
            submission: The bundle; it need not be published, so that rejected runs are seen too.
            by: Who ran it.
            job: Identity of the pipeline's run; empty if none is known.

        Returns:
            Identity of the tracked run.
        """

    def text(self, version: ModelVersion, name: str) -> str:
        """Content of a small file of a version's bundle, such as ``card.md``; ``MissingError`` if it was not kept."""
