"""Signatures, texts and arguments that are made of a dataclass of options."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.base.parameter_text import unescape_all
from headrace.pipelines.definitions.option_fields import (
    OptionSpec,
    check_choices,
    describes,
    option_fields,
    pipeline_values,
    step_arguments,
    takes_parameters,
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """Options of a pipeline that only these tests have."""

    source: Annotated[str, OptionSpec("Where the table is", steps="read", metavar="TABLE", is_argument=True)]
    method: Annotated[
        str, OptionSpec("How to divide", unset="at random", steps="read split.how", choices=("time", "group"))
    ] = ""
    columns: Annotated[tuple[str, ...], OptionSpec("Columns to read", steps="read.only", flags="--column -c")] = ()
    bounds: Annotated[Mapping[str, float], OptionSpec("Bounds")] = field(default_factory=dict)
    rows: Annotated[int, OptionSpec("Rows to read", unset="all")] = 10


def test_a_pipeline_has_the_fields_as_parameters() -> None:
    """KFP finds names, types and defaults in the signature, and the texts in the docstring."""
    seen: list[Mapping[str, Any]] = []

    @takes_parameters(Made)
    def pipeline(given: Mapping[str, Any]) -> None:
        """Do something."""
        seen.append(given)

    assert str(inspect.signature(pipeline)) == (
        "(source: str, method: str = '', columns: list = [], bounds: dict = {}, rows: int = 10)"
    )
    pipeline("a", columns=["x"])
    assert seen == [{"source": "a", "method": "", "columns": ["x"], "bounds": {}, "rows": 10}]
    assert inspect.getdoc(pipeline) == (
        "Do something.\n\nArgs:\n    source: Where the table is.\n    method: How to divide (default: at random).\n"
        "    columns: Columns to read.\n    bounds: Bounds.\n    rows: Rows to read."
    )
    with pytest.raises(TypeError, match="source"):
        pipeline()


def test_a_step_gets_its_options_by_the_names_of_its_parameters() -> None:
    """A step that calls an option otherwise gets it by its own word; others get nothing of it."""
    values = {"source": "a", "method": "time", "columns": ["x"], "bounds": {}, "rows": 1}
    assert step_arguments(Made, "read", values) == {"source": "a", "method": "time", "only": ["x"]}
    assert step_arguments(Made, "split", values) == {"how": "time"}
    assert step_arguments(Made, "other", values) == {}


def test_an_option_is_typed_by_its_flag() -> None:
    """The first of its flags; its name with dashes, in the singular if repeated; or what stands for an argument."""
    assert [option.flag for option in option_fields(Made).values()] == [
        "TABLE", "--method", "--column", "--bound", "--rows",
    ]  # fmt: skip


def test_a_value_that_is_no_choice_is_refused() -> None:
    """The sentence names flag, or another spelling, choices and value; the default is always a choice."""
    check_choices(Made, {"method": ""})
    with pytest.raises(InputError, match=r"^--method must be time or group; got 'luck' instead\.$"):
        check_choices(Made, {"method": "luck"})
    with pytest.raises(InputError, match=r"^method must be time or group; got 'luck' instead\.$"):
        check_choices(Made, {"method": "luck"}, spell=str)


@given(st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.floats(allow_nan=False)))
def test_values_pass_a_pipeline_unharmed(source: str, columns: list[str], bounds: dict[str, float]) -> None:
    """What the steps make plain again is what was given, and nothing in between is rewritten by the local runner."""
    values = pipeline_values(Made(source=source, columns=tuple(columns), bounds=bounds))
    plain_values = unescape_all(values)
    assert plain_values["source"] == source
    assert plain_values["columns"] == columns
    assert plain_values["bounds"] == bounds
    assert not any("python3" in text or "{{$" in text for text in [values["source"], *values["columns"]])


def test_a_docstring_is_completed() -> None:
    """Parameters that are options need no words of their own."""

    @describes(Made, "rows", "method")
    def function(own: int, **options: object) -> None:  # noqa: D417 - what is described is added
        """Do something.

        Args:
            own: Its own.
        """

    assert (inspect.getdoc(function) or "").splitlines()[2:] == [
        "Args:",
        "    own: Its own.",
        "    rows: Rows to read.",
        "    method: How to divide (default: at random).",
    ]
