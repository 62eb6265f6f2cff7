"""What may be done to a model's versions: each function gives the entry to be written, or refuses in one sentence."""

from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.policy import StagePolicy, StageRule
from headrace.registry.models.semver import SemVer
from headrace.registry.models.state import STAGES, ModelState, ModelVersion


def check_stage(stage: str) -> None:
    """Refuse what is no stage.

    Raises:
        InputError: If it is none.
    """
    if stage not in STAGES:
        raise InputError(f"a stage must be one of {', '.join(STAGES)}; got {quote(stage)} instead.")


def next_stage(version: ModelVersion) -> str:
    """The stage after the highest one that a version is in.

    Raises:
        InputError: If it is in the last one.
    """
    place = max((STAGES.index(stage) for stage in version.stages), default=-1) + 1
    if place == len(STAGES):
        raise InputError(f"{version.model} {version.version} is in {STAGES[-1]} already, and no stage comes after it.")
    return STAGES[place]


def registering(state: ModelState, number: int, *, facts: dict[str, Any], by: str, reason: str) -> JournalEntry:
    """The entry of a new version.

    Args:
        state: What is.
        number: Number that MLflow gave it.
        facts: What is remembered of it, with its ``version``.
        by: Who registers it.
        reason: Why.

    Raises:
        InputError: If another version has that semantic version.
    """
    wanted = SemVer.parse(facts["version"])
    same = next((version for version in state.versions if version.semver == wanted), None)
    if same:
        raise InputError(
            f"{state.model} {wanted} is taken by another bundle ({same.digest[:12]}): leave the number out, or "
            "name a free one."
        )
    return JournalEntry("register", by, reason, version=number, facts=facts)


def promoting(
    state: ModelState, name: str, *, policy: StagePolicy, stage: str, by: str, reason: str
) -> JournalEntry | None:
    """The entry of a promotion; None if the version is in the stage already.

    Raises:
        MissingError: If there is no such version.
        InputError: If the policy does not let it.
    """
    check_stage(stage)
    version = state.find(name)
    if stage in version.stages:
        return None
    check_allowed(state, version, policy=policy, stage=stage, by=by)
    return JournalEntry("promote", by, reason, version=version.number, stage=stage, facts=_was(state, stage))


def rolling_back(
    state: ModelState, name: str, *, policy: StagePolicy, stage: str, by: str, reason: str
) -> JournalEntry:
    """The entry of a rollback.

    Args:
        state: What is.
        name: The version to go back to; empty for the one that was in the stage before.
        policy: What the stages ask for.
        stage: The stage.
        by: Who does it.
        reason: Why.

    Raises:
        MissingError: If there is no such version.
        InputError: If there is nothing to go back to, or the version is not an earlier one.
    """
    check_stage(stage)
    now = state.stage(stage)
    if now is None:
        raise InputError(
            f"there is nothing to roll back: no version of {state.model} is in {stage}; promote one with "
            f"`headrace registry promote {state.model} VERSION --to {stage}`."
        )
    version = state.find(name) if name else _before(state, stage, now)
    if version.number == now.number:
        raise InputError(f"{version.model} {version.version} is in {stage} already: name the version to go back to.")
    held = version.number in state.held.get(stage, ())
    if not held and version.number > now.number:
        raise InputError(
            f"{version.model} {version.version} came after {now.version}, which is in {stage}: promote it instead."
        )
    _check_usable(version)
    if not held:
        check_allowed(state, version, policy=policy, stage=stage, by=by)
    return JournalEntry("rollback", by, reason, version=version.number, stage=stage, facts=_was(state, stage))


def approving(state: ModelState, name: str, *, by: str, reason: str) -> JournalEntry:
    """The entry of an approval.

    Raises:
        MissingError: If there is no such version.
        InputError: If no reason is given, the version cannot be used, or the same person has approved it before.
    """
    version = state.find(name)
    if not reason.strip():
        raise InputError("an approval must have a reason: say with --reason what was looked at.")
    _check_usable(version)
    if any(approval.by == by for approval in version.approvals):
        raise InputError(f"{by} has approved {version.model} {version.version} already: another person must.")
    return JournalEntry("approve", by, reason, version=version.number)


def rolling_out(state: ModelState, digest: str, *, facts: dict[str, Any], by: str, reason: str) -> JournalEntry | None:
    """The entry of a rollout that has ended; None if it is there already.

    Args:
        state: What is.
        digest: Digest of the candidate's bundle.
        facts: What is remembered of the rollout, with the digest of its ``record``.
        by: Who rolled out.
        reason: Why it ended so.

    Raises:
        MissingError: If no version has that bundle.
    """
    version = state.find(digest)
    known = (entry for entry in state.entries if entry.action == "rollout" and entry.version == version.number)
    if any(entry.facts.get("record") == facts["record"] for entry in known):
        return None
    return JournalEntry("rollout", by, reason, version=version.number, facts=facts)


def archiving(state: ModelState, name: str, *, by: str, reason: str) -> JournalEntry | None:
    """The entry that takes a version out of use; None if it is.

    Raises:
        MissingError: If there is no such version.
        InputError: If it is in a stage.
    """
    version = state.find(name)
    if version.stages:
        raise InputError(
            f"{version.model} {version.version} is in {' and '.join(version.stages)}: promote or roll back to another "
            "version first."
        )
    return None if version.archived else JournalEntry("archive", by, reason, version=version.number)


def restoring(state: ModelState, name: str, *, by: str, reason: str) -> JournalEntry | None:
    """The entry that brings a version back; None if it is in use.

    Raises:
        MissingError: If there is no such version.
    """
    version = state.find(name)
    return JournalEntry("restore", by, reason, version=version.number) if version.archived else None


def check_allowed(state: ModelState, version: ModelVersion, *, policy: StagePolicy, stage: str, by: str) -> None:
    """Refuse a version that lacks what a stage asks for.

    Raises:
        InputError: If it does.
    """
    _check_usable(version)
    rule = policy.rules[stage]
    who = f"{version.model} {version.version}"
    if version.verdict not in rule.verdicts:
        raise InputError(
            f"{who} must have the gate's verdict {' or '.join(rule.verdicts)} to enter {stage}; it has "
            f"{version.verdict or 'none'}: train a better model, or change the policy."
        )
    if rule.after and version.number not in state.held.get(rule.after, ()):
        raise InputError(f"{who} must have been in {rule.after} before {stage}: promote it there first.")
    missing = rule.approvals - len(_counted_approvals(version, rule, by))
    if missing > 0:
        other = " of others than you" if rule.another else ""
        raise InputError(
            f"{who} needs {rule.approvals} approvals{other} to enter {stage}; it lacks {missing}: "
            f"`headrace approve {version.model} {version.version} --reason ...`."
        )


def _counted_approvals(version: ModelVersion, rule: StageRule, by: str) -> set[str]:
    return {approval.by for approval in version.approvals if not (rule.another and approval.by == by)}


def _check_usable(version: ModelVersion) -> None:
    who = f"{version.model} {version.version}"
    if version.verdict == "reject":
        reasons = f" ({' '.join(version.facts.get('reasons', ()))})" if version.facts.get("reasons") else ""
        raise InputError(f"the gate rejected {who}{reasons}: it enters no stage; train a better model.")
    if version.archived:
        raise InputError(f"{who} is archived: bring it back with `headrace registry archive --undo` first.")


def _before(state: ModelState, stage: str, now: ModelVersion) -> ModelVersion:
    """The version that was in a stage before the one that is, and can still be used."""
    for number in reversed(state.held.get(stage, ())):
        version = state.number(number)
        if version and version.number != now.number and not version.archived:
            return version
    raise InputError(
        f"there is nothing to roll back to: {now.model} {now.version} is the first version in {stage}; name another "
        "one with --to."
    )


def _was(state: ModelState, stage: str) -> dict[str, Any]:
    now = state.stage(stage)
    return {"instead_of": now.number} if now else {}
