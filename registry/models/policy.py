"""The policy of the stages: what a version must have to enter each; people write it, the registry stores it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.registry.models.state import STAGES

FORMAT = 1
VERDICTS = ("promote", "hold")
MOST_APPROVALS = 20


@dataclass(frozen=True)
class StageRule:
    """The requirements of one stage.

    Attributes:
        verdicts: Allowed verdicts of the gate; ``reject`` is never allowed.
        requires_stage: Stage that the version must have been in before; empty for none.
        approvals: Number of people who must have approved it.
        exclude_self_approval: Whether the approval of the person who promotes does not count.
    """

    verdicts: tuple[str, ...] = VERDICTS
    requires_stage: str = ""
    approvals: int = 0
    exclude_self_approval: bool = True


@dataclass(frozen=True)
class StagePolicy:
    """The rules of all stages.

    Attributes:
        rules: Rule by stage.
    """

    rules: Mapping[str, StageRule] = field(
        default_factory=lambda: {
            "development": StageRule(),
            "staging": StageRule(),
            "production": StageRule(verdicts=("promote",)),
        }
    )

    def as_json(self) -> dict[str, Any]:
        """Return the policy as the registry stores it."""
        rules = {stage: {**asdict(rule), "verdicts": list(rule.verdicts)} for stage, rule in self.rules.items()}
        return {"format": FORMAT, **rules}


def load(path: Path) -> StagePolicy:
    """Read a policy from a YAML file.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not a policy; the message names the place.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingError(f"there is no policy {path}.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"the policy {path} must be a YAML file; {' '.join(str(error).split())}.") from error
    return parse(document, source=str(path))


def parse(document: Any, *, source: str) -> StagePolicy:
    """Read a policy from plain values.

    Args:
        document: Content of the file or the registry.
        source: Its name in messages.

    Raises:
        InputError: If it is not a policy; the message names the place.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(
            f"{source} must be a policy with 'format: {FORMAT}' and rules by stage; got {quote(document)}."
        )
    unknown = sorted(set(map(str, document)) - {"format", *STAGES})
    if unknown:
        raise InputError(f"{source} must have rules for {', '.join(STAGES)} only; got {quote(unknown)}.")
    defaults = StagePolicy().rules
    rules = {
        stage: _rule(document[stage], f"{source}: {stage}", defaults[stage]) for stage in STAGES if stage in document
    }
    return StagePolicy(rules={**defaults, **rules})


def _rule(plain: Any, where: str, default: StageRule) -> StageRule:
    names = [item.name for item in fields(StageRule)]
    if not isinstance(plain, dict) or set(plain) - set(names):
        raise InputError(f"{where} must hold some of {', '.join(names)}; got {quote(plain)} instead.")
    rule = replace(default, **{**plain, "verdicts": tuple(plain.get("verdicts", default.verdicts))})
    if not rule.verdicts or set(rule.verdicts) - set(VERDICTS):
        raise InputError(f"{where}: verdicts must be some of {', '.join(VERDICTS)}; got {quote(plain['verdicts'])}.")
    if rule.requires_stage not in ("", *STAGES):
        raise InputError(
            f"{where}: requires_stage must be one of {', '.join(STAGES)}; got {quote(rule.requires_stage)} instead."
        )
    if type(rule.approvals) is not int or not 0 <= rule.approvals <= MOST_APPROVALS:
        raise InputError(f"{where}: approvals must be 0 to {MOST_APPROVALS}; got {quote(rule.approvals)} instead.")
    if type(rule.exclude_self_approval) is not bool:
        raise InputError(
            f"{where}: exclude_self_approval must be true or false; got {quote(rule.exclude_self_approval)} instead."
        )
    return rule
