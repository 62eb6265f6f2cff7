"""Actions on a model's versions: each function returns the journal entry to write, or raises."""

from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.policy import StagePolicy, StageRule
from headrace.registry.models.semver import SemVer
from headrace.registry.models.state import STAGES, ModelState, ModelVersion


def check_stage(stage: str) -> None:
    """Raise if there is no such stage.

    Raises:
        InputError: If so.
    """
    if stage not in STAGES:
        raise InputError(f"a stage must be one of {', '.join(STAGES)}; got {quote(stage)} instead.")


def next_stage(version: ModelVersion) -> str:
    """Return the stage after the highest one that a version is in.

    Raises:
        InputError: If it is in the last stage.
    """
    index = max((STAGES.index(stage) for stage in version.stages), default=-1) + 1
    if index == len(STAGES):
        raise InputError(f"{version.model} {version.version} is in {STAGES[-1]} already, and no stage comes after it.")
    return STAGES[index]


def registration_entry(state: ModelState, number: int, *, facts: dict[str, Any], by: str, reason: str) -> JournalEntry:
    """Return the entry of a new version.

    Args:
        state: The current state.
        number: Number that MLflow gave it.
        facts: Facts to record, with its ``version``.
        by: Who registers it.
        reason: Why.

    Raises:
        InputError: If another version has that semantic version.
    """
    new_version = SemVer.parse(facts["version"])
    existing = next((version for version in state.versions if version.semver == new_version), None)
    if existing:
        raise InputError(
            f"{state.model} {new_version} is taken by another bundle ({existing.digest[:12]}): leave --version out, "
            "or name a free one."
        )
    return JournalEntry("register", by, reason, version=number, facts=facts)


def promotion_entry(
    state: ModelState, name: str, *, policy: StagePolicy, stage: str, by: str, reason: str
) -> JournalEntry | None:
    """Return the entry of a promotion; None if the version is in the stage already.

    Raises:
        MissingError: If there is no such version.
        InputError: If the policy does not allow it.
    """
    check_stage(stage)
    version = state.find(name)
    if stage in version.stages:
        return None
    check_allowed(state, version, policy=policy, stage=stage, by=by)
    return JournalEntry("promote", by, reason, version=version.number, stage=stage, facts=_was(state, stage))


def rollback_entry(
    state: ModelState, name: str, *, policy: StagePolicy, stage: str, by: str, reason: str
) -> JournalEntry:
    """Return the entry of a rollback.

    Args:
        state: The current state.
        name: The version to go back to; empty for the one that was in the stage before.
        policy: The policy of the stages.
        stage: The stage.
        by: Who does it.
        reason: Why.

    Raises:
        MissingError: If there is no such version.
        InputError: If there is nothing to go back to, or the version is not an earlier one.
    """
    check_stage(stage)
    current = state.stage(stage)
    if current is None:
        raise InputError(
            f"there is nothing to roll back: no version of {state.model} is in {stage}; promote one with "
            f"`headrace registry promote {state.model} VERSION --stage {stage}`."
        )
    version = state.find(name) if name else _before(state, stage, current)
    if version.number == current.number:
        raise InputError(f"{version.model} {version.version} is in {stage} already: name the version to go back to.")
    if version.pulled_out and stage == "production":
        raise InputError(
            f"{version.model} {version.version} was pulled out of production, so that nothing goes back to it: promote "
            "it if it is good again."
        )
    was_in_stage = version.number in state.stage_history.get(stage, ())
    if not was_in_stage and version.number > current.number:
        raise InputError(
            f"{version.model} {version.version} came after {current.version}, which is in {stage}: promote it instead."
        )
    _check_usable(version)
    if not was_in_stage:
        check_allowed(state, version, policy=policy, stage=stage, by=by)
    return JournalEntry("rollback", by, reason, version=version.number, stage=stage, facts=_was(state, stage))


def approval_entry(state: ModelState, name: str, *, by: str, reason: str, pull_out: bool = False) -> JournalEntry:
    """Return the entry of an approval.

    Args:
        state: The current state.
        name: The version.
        by: Who approves.
        reason: What they checked.
        pull_out: Whether they approve of the latest decision to pull the version out, in place of the version.

    Raises:
        MissingError: If there is no such version.
        InputError: If no reason is given, the version cannot be used, no pull-out was decided, or the same person has
            approved it before.
    """
    version = state.find(name)
    if not reason.strip():
        raise InputError("an approval must have a reason: say with --reason what you checked.")
    if pull_out:
        return _pull_out_approval(state, version, by=by, reason=reason)
    _check_usable(version)
    if any(approval.by == by for approval in version.approvals):
        raise InputError(f"{by} has approved {version.model} {version.version} already: another person must.")
    return JournalEntry("approve", by, reason, version=version.number)


def _pull_out_approval(state: ModelState, version: ModelVersion, *, by: str, reason: str) -> JournalEntry:
    decisions = [
        str(entry.facts.get("document", ""))
        for entry in state.entries
        if entry.action == "decision" and entry.version == version.number and entry.facts.get("outcome") == "roll_back"
    ]
    subject = f"{version.model} {version.version}"
    if not decisions:
        raise InputError(
            f"no decision to pull {subject} out is recorded: headrace monitor records one where it decides."
        )
    if any(approval.by == by for approval in version.pull_out_approvals.get(decisions[-1], ())):
        raise InputError(f"{by} has approved the pull-out of {subject} already: another person must.")
    return JournalEntry("approve", by, reason, version=version.number, facts={"decision": decisions[-1]})


def find_former(state: ModelState, version: ModelVersion) -> ModelVersion:
    """Return the version that takes over when one is pulled out: the latest other one that was in production.

    By the history, not by the number; versions that were pulled out themselves, or are archived, are left out.

    Args:
        state: The current state.
        version: The version that is pulled out.

    Raises:
        InputError: If there is none.
    """
    for number in reversed(state.stage_history.get("production", ())):
        former = state.number(number)
        if former and former.number != version.number and not (former.pulled_out or former.archived):
            return former
    raise InputError(
        f"{version.model} {version.version} cannot be pulled out for a former version, because no other one that may "
        "serve was in production: set pull_out to baseline in the monitoring policy, and give that policy."
    )


def pull_out_entry(
    state: ModelState,
    digest: str,
    *,
    successor: str,
    policy: StagePolicy,
    facts: dict[str, Any],
    by: str,
    reason: str,
) -> JournalEntry | None:
    """Return the entry that pulls a version out of production; None if it is pulled out already.

    Args:
        state: The current state.
        digest: Digest of the version that is pulled out.
        successor: The version that takes over.
        policy: The policy of the stages.
        facts: Facts to record, with the ``plan``.
        by: Who pulls it out.
        reason: Why.

    Raises:
        MissingError: If there is no such version.
        InputError: If the successor is the same version, cannot be used, or lacks approvals.
    """
    version, following = state.find(digest), state.find(successor)
    if version.pulled_out:
        return None
    if following.number == version.number:
        raise InputError(f"{version.model} {version.version} must be replaced by another version; got the same one.")
    _check_usable(following)
    if following.number not in state.stage_history.get("production", ()):
        _check_approvals(following, policy.rules["production"], stage="production", by=by)
    return JournalEntry(
        "pull_out",
        by,
        reason,
        version=version.number,
        stage="production",
        facts={**facts, "successor": following.number, **_was(state, "production")},
    )


def rollout_entry(
    state: ModelState, digest: str, *, facts: dict[str, Any], by: str, reason: str
) -> JournalEntry | None:
    """Return the entry of a rollout that has ended; None if it is recorded already.

    Args:
        state: The current state.
        digest: Digest of the candidate's bundle.
        facts: Facts to record about the rollout, with the digest of its ``record``.
        by: Who rolled out.
        reason: Why it ended so.

    Raises:
        MissingError: If no version has that bundle.
    """
    version = state.find(digest)
    rollouts = (entry for entry in state.entries if entry.action == "rollout" and entry.version == version.number)
    if any(entry.facts.get("record") == facts["record"] for entry in rollouts):
        return None
    return JournalEntry("rollout", by, reason, version=version.number, facts=facts)


def decision_entry(
    state: ModelState, digest: str, *, facts: dict[str, Any], by: str, reason: str
) -> JournalEntry | None:
    """Return the entry of a decision of the monitoring; None if one about the same window is recorded already.

    Args:
        state: The current state.
        digest: Digest of the bundle that was decided about.
        facts: Facts to record, with the ``window``.
        by: Who decided.
        reason: Why.

    Raises:
        MissingError: If no version has that bundle.
    """
    version = state.find(digest)
    decisions = (entry for entry in state.entries if entry.action == "decision" and entry.version == version.number)
    if any(entry.facts.get("window") == facts["window"] for entry in decisions):
        return None
    return JournalEntry("decision", by, reason, version=version.number, facts=facts)


def archival_entry(state: ModelState, name: str, *, by: str, reason: str) -> JournalEntry | None:
    """Return the entry that archives a version; None if it is archived already.

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


def restoration_entry(state: ModelState, name: str, *, by: str, reason: str) -> JournalEntry | None:
    """Return the entry that restores a version; None if it is not archived.

    Raises:
        MissingError: If there is no such version.
    """
    version = state.find(name)
    return JournalEntry("restore", by, reason, version=version.number) if version.archived else None


def check_allowed(state: ModelState, version: ModelVersion, *, policy: StagePolicy, stage: str, by: str) -> None:
    """Raise if a version does not satisfy the policy of a stage.

    Raises:
        InputError: If so.
    """
    _check_usable(version)
    rule = policy.rules[stage]
    subject = f"{version.model} {version.version}"
    if version.verdict not in rule.verdicts:
        raise InputError(
            f"{subject} must have the gate's verdict {' or '.join(rule.verdicts)} to enter {stage}; it has "
            f"{version.verdict or 'none'}: train a better model, or change the policy."
        )
    if rule.requires_stage and version.number not in state.stage_history.get(rule.requires_stage, ()):
        raise InputError(f"{subject} must have been in {rule.requires_stage} before {stage}: promote it there first.")
    _check_approvals(version, rule, stage=stage, by=by)


def _check_approvals(version: ModelVersion, rule: StageRule, *, stage: str, by: str) -> None:
    missing = rule.approvals - len(_counted_approvals(version, rule, by))
    if missing > 0:
        subject = f"{version.model} {version.version}"
        qualifier = " of others than you" if rule.exclude_self_approval else ""
        raise InputError(
            f"{subject} needs {rule.approvals} approvals{qualifier} to enter {stage}; it lacks {missing}: "
            f"`headrace approve {version.model} {version.version} --reason ...`."
        )


def _counted_approvals(version: ModelVersion, rule: StageRule, by: str) -> set[str]:
    return {approval.by for approval in version.approvals if not (rule.exclude_self_approval and approval.by == by)}


def _check_usable(version: ModelVersion) -> None:
    subject = f"{version.model} {version.version}"
    if version.verdict == "reject":
        reasons = f" ({' '.join(version.facts.get('reasons', ()))})" if version.facts.get("reasons") else ""
        raise InputError(f"the gate rejected {subject}{reasons}: it enters no stage; train a better model.")
    if version.archived:
        raise InputError(f"{subject} is archived: bring it back with `headrace registry archive --undo` first.")


def _before(state: ModelState, stage: str, current: ModelVersion) -> ModelVersion:
    """Return the latest version that was in a stage before the current one and is not archived."""
    for number in reversed(state.stage_history.get(stage, ())):
        version = state.number(number)
        barred = version is None or version.archived or (version.pulled_out and stage == "production")
        if version and version.number != current.number and not barred:
            return version
    raise InputError(
        f"there is nothing to roll back to: {current.model} {current.version} is the first version in {stage}; name "
        "another one with --to-version."
    )


def _was(state: ModelState, stage: str) -> dict[str, Any]:
    current = state.stage(stage)
    return {"instead_of": current.number} if current else {}
