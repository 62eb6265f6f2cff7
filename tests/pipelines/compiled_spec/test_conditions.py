"""Groups that a run surely leaves out."""

import pytest

from headrace.pipelines.compiled_spec.conditions import OutputValues, is_left_out, possible_outputs

FLAG = "inputs.parameter_values['flag'] == true"
SERVE, PUBLISH = (f"inputs.parameter_values['use'] == '{word}'" for word in ("serve", "publish"))
ELSE = f"!({SERVE}) && !({PUBLISH})"


@pytest.mark.parametrize(
    ("condition", "inputs", "left_out"),
    [
        ("", {}, False),
        (FLAG, {}, False),
        (FLAG, {"flag": True}, False),
        (FLAG, {"flag": False}, True),
        (f"!({FLAG})", {"flag": True}, True),
        (SERVE, {"use": "publish"}, True),
        (f"!({SERVE}) && {PUBLISH}", {"use": "publish"}, False),
        (f"!({SERVE}) && {PUBLISH}", {"use": OutputValues(("keep", "serve"))}, True),
        (ELSE, {"use": OutputValues(("keep", "serve"))}, False),
        (ELSE, {"use": OutputValues(("publish", "serve"))}, True),
        (f"{FLAG} && {SERVE}", {"flag": False}, True),
        ("inputs.parameter_values['n'] > 3", {"n": 1}, False),
        (f"{SERVE} || {PUBLISH}", {"use": "keep"}, False),
    ],
)
def test_what_surely_does_not_hold_is_left_out(condition: str, inputs: dict[str, object], left_out: bool) -> None:
    """By comparisons of what is known; of what is unknown, or compared in another way, nothing is said."""
    assert is_left_out(condition, inputs) == left_out


@pytest.mark.parametrize(
    ("inputs", "values"),
    [
        ({}, ("keep", "publish", "serve")),
        ({"publish": False}, ("keep",)),
        ({"serve": False}, ("keep", "publish")),
        ({"publish": True, "serve": True}, ("keep", "serve")),
    ],
)
def test_what_becomes_of_a_candidate_depends_on_the_run(inputs: dict[str, object], values: tuple[str, ...]) -> None:
    """The gate's output is known to be one of these before the run."""
    assert possible_outputs("gate", inputs) == {"use": OutputValues(values)}
    assert possible_outputs("train", inputs) == {}
