"""The lines of a cell as command lines, with variables of the notebook."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headrace.api as hr
from headrace.jupyter.command_lines import CommandLine, parse_lines, replace_variables
from headrace.jupyter.command_results import CommandText, plan_result, read_result


def test_each_line_is_a_command() -> None:
    """Comments and empty lines are none; a line may go on, be quoted, begin with headrace, and bind its result."""
    cell = """
# train
run << headrace run 'my table.csv' --target churn \\
    --families logistic

registry list
"""
    assert parse_lines(cell) == [
        CommandLine(("run", "my table.csv", "--target", "churn", "--families", "logistic"), "run"),
        CommandLine(("registry", "list")),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be followed by a command"),
        ("# nothing", "must be followed by a command"),
        ("run 'a", "No closing quotation"),
        ("a << ", "must name a command"),
        ("headrace", "must name a command"),
        ("for << run a", "for is a word of Python"),
    ],
)
def test_what_is_no_command_is_refused(text: str, reason: str) -> None:
    """In one sentence."""
    with pytest.raises(hr.InputError, match=reason):
        parse_lines(text)


def _replace(word: str, **variables: Any) -> str:
    with ExitStack() as stack:
        return replace_variables((word,), variables, stack).words[0]


def test_variables_stand_for_what_they_hold(tmp_path: Path) -> None:
    """Texts, paths, numbers, runs, attributes; braces that name nothing stay as they are."""
    run = hr.Run(home=tmp_path, summary=None)  # type: ignore[arg-type]
    assert _replace("{a}", a="x y; rm -rf /") == "x y; rm -rf /"
    assert _replace("{folder}/{n}.csv", folder=tmp_path, n=3) == f"{tmp_path}/3.csv"
    assert _replace("{run}", run=run) == str(tmp_path)
    assert _replace("{run.home.name}", run=run) == tmp_path.name
    assert _replace("{{a}}", a=1) == "{a}"
    assert _replace('{"a": 1}', a=1) == '{"a": 1}'


def test_a_data_frame_becomes_a_table_for_the_length_of_the_command() -> None:
    """Named like the variable, as the model will be; what the command says of the file says it of the variable."""
    frame = pl.DataFrame({"a": [1, 2]})
    with ExitStack() as stack:
        ready = replace_variables(("run", "{customers}"), {"customers": frame}, stack)
        path = Path(ready.words[1])
        assert path.stem == "customers"
        assert pl.read_parquet(path).equals(frame)
        assert ready.name_variables(f"read {path}.") == "read {customers}."
    assert not path.exists()


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("{nothing}", "there is no variable nothing"),
        ("{a.nothing}", "int has no nothing"),
        ("{b}", "must hold a text, a path, a number, a data frame, a run or a bundle; it holds"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused(word: str, reason: str) -> None:
    """In one sentence that names it."""
    with pytest.raises(hr.InputError, match=reason):
        _replace(word, a=1, b=object())


@pytest.mark.parametrize("words", [("score", "{run[0]}"), ("score", "{run", "}", "t.csv"), ("score", "--x={f(1)}")])
def test_braces_hold_a_name_only(words: tuple[str, ...]) -> None:
    """An expression is no path to a file; other braces, such as those of JSON or of a pattern, stay as they are."""
    with ExitStack() as stack, pytest.raises(hr.InputError, match=r"^braces must hold the name of a variable"):
        replace_variables(words, {"run": [1]}, stack)
    with ExitStack() as stack:
        kept = ("submit", '--argument=a={"b": [1]}', "{a,b}.csv", "{{run[0]}}")
        assert replace_variables(kept, {}, stack).words == (*kept[:3], "{run[0]}")


def test_a_series_is_no_frame() -> None:
    """The sentence says how it becomes one, and holds none of its rows."""
    with pytest.raises(hr.InputError, match=r"it holds a Series, of which s\.to_frame\(\) makes a data frame\.$"):
        _replace("{s}", s=pl.Series("a", [1, 2]))


def test_results_are_what_commands_leave(folder: Path) -> None:
    """A run by its summary, predictions, a contract, a document of --json, else the text."""
    with ExitStack() as stack:
        plan = plan_result(("run", "customers.csv", "--target", "churn"), stack)
        assert plan.summary is not None
        plan.summary.write_text((folder / "headrace-out" / "customers" / "summary.json").read_text())
        assert "--summary" in plan.words
        assert isinstance(read_result(plan, "text"), hr.Run)
        assert plan_result(("demo", "--life"), stack).summary is None
        assert plan_result(("tune", "--experiment", "e.yaml"), stack).summary is None
        assert plan_result(("run", "--help"), stack).words == ("run", "--help")
        text = read_result(plan_result(("registry", "list"), stack), "two models")
        assert (type(text), text) == (CommandText, "two models")
        assert read_result(plan_result(("registry", "list", "--json"), stack), "[1]") == [1]
        assert read_result(plan_result(("registry", "list", "--json"), stack), "no") == "no"
        written = (folder / "headrace-out" / "customers" / "contract.yaml").read_text()
        assert read_result(plan_result(("contract", "customers.csv"), stack), written).target.name == "churn"
        for words in (["-o", "p.csv"], ["-op.csv"], ["--output", "p.csv"], ["--output=p.csv"]):
            to_file = plan_result(("score", "m", "t.csv", *words), stack)
            assert (to_file.predictions, to_file.words[3:-2]) == (None, tuple(words))
        copied = folder / "headrace-out" / "customers" / "contract.yaml"
        assert read_result(plan_result(("contract", "customers.csv", f"-o{copied}"), stack), "").target.name == "churn"
        scored = plan_result(("score", "m", "t.csv"), stack)
        assert scored.describe_output(f"by m: {scored.predictions}") == "by m"
