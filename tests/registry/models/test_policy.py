"""Policies, as people write them."""

from pathlib import Path

import pytest

from headrace.core.base.errors import InputError, MissingError
from headrace.registry.models.policy import StagePolicy, StageRule, load, parse


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """A file tells only what is to differ; the registry keeps all of it."""
    path = tmp_path / "policy.yaml"
    path.write_text("format: 1\nproduction: {approvals: 2, requires_stage: staging}\n")
    found = load(path)
    assert found.rules["production"] == StageRule(verdicts=("promote",), requires_stage="staging", approvals=2)
    assert found.rules["staging"] == StagePolicy().rules["staging"]
    assert parse(found.as_json(), source="registry") == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "format: 1"),
        ("format: 2", "format: 1"),
        ("format: 1\nheaven: {}", "development, staging, production only"),
        ("format: 1\nproduction: 3", "must hold some of"),
        ("format: 1\nproduction: {luck: 1}", "must hold some of"),
        ("format: 1\nproduction: {verdicts: [reject]}", "verdicts must be some of promote, hold"),
        ("format: 1\nproduction: {verdicts: []}", "verdicts must be some of"),
        ("format: 1\nproduction: {requires_stage: heaven}", "requires_stage must be one of"),
        ("format: 1\nproduction: {approvals: -1}", "approvals must be 0 to 20"),
        ("format: 1\nproduction: {approvals: true}", "approvals must be 0 to 20"),
        ("format: 1\nproduction: {exclude_self_approval: 1}", "exclude_self_approval must be true or false"),
        ("format: [", "must be a YAML file"),
    ],
)
def test_a_bad_policy_is_refused_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    """One sentence names the file, the stage and what is wrong; a rejected version can never be let in."""
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        load(path)
    assert "policy.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_policy_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The sentence names it."""
    with pytest.raises(MissingError, match=r"no policy .*none\.yaml"):
        load(tmp_path / "none.yaml")
