"""What the command line makes of the fields of ``TrainingOptions``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.cli.options import table_options
from headrace.core.base.errors import InputError
from headrace.core.tables.source import ReadOptions
from headrace.pipelines.definitions.option_fields import OptionField, option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions

OPTIONS = option_fields(TrainingOptions)
Ran = Callable[..., dict[str, Any]]
# What is typed behind the flag, and what the parameter then is, where the type alone does not say it.
_SAMPLES: dict[str, tuple[str, Any]] = {
    "task": ("regression", "regression"),
    "name": ("My Model", "my-model"),
    "column_names": ('age, "salary, yearly",sex', ["age", "salary, yearly", "sex"]),
    "delimiter": ("\\t", "\t"),
    "families": ("logistic,random_forest", ["logistic", "random_forest"]),
    "experiment": ("random_forest", "random_forest"),
    "budget": ("5m", "5m"),
    "decimal": (",", ","),
    "thousands": ("space", " "),
    "cleanup": ("never", "never"),
    "tuner": ("local", "local"),
    "test_size": ("0.3", 0.3),
    "objective": ("count", "count"),
    "alert_budget": ("20/day", "20/day"),
    "ensemble": ("greedy", "greedy"),
    "quantile": ("0.9", 0.9),
    "intervals": ("0.8", 0.8),
    "class_weights": ("balanced", "balanced"),
    "champion": ("s3://models/one", "s3://models/one"),
    "robustness": ("full", "full"),
}
_BY_TYPE: dict[Any, tuple[str, Any]] = {
    str: ("some text", "some text"),
    int: ("3", 3),
    float: ("2.5", 2.5),
    Mapping: ("roc_auc=0.8", {"roc_auc": 0.8}),
}
# Every command that talks to a cluster has -n, --namespace, as kubectl has.
_OTHER_FLAGS = {"search_namespace": "--namespace"}
# These components write an artifact of the option's name from what is at the address.
_OTHER_PARAMETERS = {("contract", "infer_contract"): "contract_address", ("card", "package"): "card_answers"}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Types a command, and gives the arguments with which it would run the training pipeline."""

    def typed(*words: str) -> dict[str, Any]:
        seen: list[Mapping[str, Any]] = []
        monkeypatch.setattr(
            "headrace.cli.local.training_run.run_training", lambda arguments, **_: seen.append(arguments)
        )
        ended = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return dict(seen[0])

    return typed


def _sample(option: OptionField) -> tuple[list[str], Any]:
    """Words of a command line, and the argument of the pipeline that they become."""
    if option.type is bool:
        return [f"--no-{option.name}" if option.default else option.flag], not option.default
    if option.type is tuple and not option.metadata.commas:
        return [option.flag, "one", option.flag, "python3"], ["one", '"python\\u0033"']
    typed, value = _SAMPLES.get(option.name) or _BY_TYPE[option.type]
    return [option.flag, typed], value


def test_an_option_has_one_name() -> None:
    """Its flag is its name with dashes, in the singular if it is repeated; the commands offer it by that."""
    for name, option in OPTIONS.items():
        if not option.metadata.is_typed or option.metadata.is_argument:
            continue
        word = name.replace("_", "-")
        if option.type in {tuple, Mapping} and not option.metadata.commas:
            assert word.endswith("s"), name
            word = word[:-1]
        wanted = _OTHER_FLAGS.get(name, f"--{word}")
        assert option.flag == wanted, name
        for command in ("run", "tune"):
            (parameter,) = (one for one in _parameters(command) if one.name == name)
            assert parameter.opts == list(option.flags), (command, name)


def test_a_step_has_the_option_by_its_name() -> None:
    """A parameter of a step bears the option's name, with or without the step's before it."""
    others = {
        (name, step): parameter
        for name, option in OPTIONS.items()
        for step, parameter in option.parameters.items()
        if name not in {parameter, f"{step}_{parameter}"}
    }
    assert others == _OTHER_PARAMETERS


@pytest.mark.parametrize("command", ["run", "tune"])
def test_defaults_are_those_of_the_dataclass(command: str, ran: Ran) -> None:
    """A command that is given nothing else trains as ``TrainingOptions`` says; ``tune`` publishes nothing."""
    wanted = TrainingOptions(source="t.csv", target="b", name="t", publish=command == "run")
    assert ran(command, "t.csv", "--target", "b") == wanted.pipeline_arguments()


@pytest.mark.parametrize("name", sorted(set(table_options.ALL) - {"source", "target", "card", "search_namespace"}))
def test_each_option_reaches_its_parameter(name: str, ran: Ran) -> None:
    """What is typed behind its flag is what its parameter gets, and nothing else changes."""
    words, value = _sample(OPTIONS[name])
    given = ["run", "t.csv", "--target", "b", *(["--task", "anomaly"] if name == "alert_budget" else [])]
    assert ran(*given, *words) == {**ran(*given), name: value}


def test_a_champion_is_named_as_any_model(ran: Ran, tmp_path: Path) -> None:
    """By its run's folder too; a folder that is neither run nor bundle is refused before anything runs."""
    (tmp_path / "bundle").mkdir()
    (tmp_path / "summary.json").touch()
    with pytest.raises(InputError, match=r"neither a run's summary\.json nor a bundle's manifest\.json"):
        ran("run", "t.csv", "--target", "b", "--champion", str(tmp_path))
    (tmp_path / "bundle" / "manifest.json").touch()
    bundle = str(tmp_path / "bundle")
    for folder in (str(tmp_path), bundle):
        assert ran("run", "t.csv", "--target", "b", "--champion", folder)["champion"] == bundle


def test_what_is_not_typed_has_no_flag() -> None:
    """The command line offers what ``TrainingOptions`` says it does; ``--serve`` is about the command's own server."""
    typed = {name for name, option in OPTIONS.items() if option.metadata.is_typed}
    assert {one.name for one in _parameters("tune")} & set(OPTIONS) == typed
    assert {one.name for one in _parameters("run")} & set(OPTIONS) == typed | {"serve"}


def _parameters(command: str) -> list[Any]:
    return list(typer.main.get_command(app).commands[command].params)  # type: ignore[attr-defined]


def test_a_budget_may_be_typed_in_two_ways(ran: Ran) -> None:
    """``--max-trials`` is a budget."""
    assert ran("run", "t.csv", "--target", "b", "--max-trials", "7")["budget"] == "7"


def test_commands_that_read_a_table_take_what_says_how() -> None:
    """Each option of reading is one of ``contract`` and ``score``, and becomes a field of ``ReadOptions``."""
    for command in ("contract", "score"):
        assert set(table_options.READING) <= {one.name for one in _parameters(command)}
    given = {"source": "t.csv", "column_names": ("a", "b"), "header": False, "skip_lines": 2}
    assert table_options.read_options(given) == ReadOptions(column_names=("a", "b"), header=False, skip_lines=2)


def test_a_command_says_what_holds_in_it() -> None:
    """Where something else holds if an option is not given, the help of that command says so."""
    shown = {name: " ".join(CliRunner().invoke(app, [name, "--help"]).output.split()) for name in ("contract", "score")}
    assert "(the last column, or none with --task anomaly)" in shown["contract"]
    assert "missing value; repeatable. [default: (the contract's)]" in shown["score"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"task": "guess"}, "--task must be binary, multiclass, regression or anomaly; got 'guess'"),
        ({"test_size": 1.0}, "--test-size must be above 0 and below 1; got 1.0"),
        ({"tuner": "moon"}, "--tuner must be local or katib; got 'moon'"),
        ({"cleanup": "soon"}, "--cleanup must be always, succeeded or never; got 'soon'"),
        ({"decimal": ";"}, "--decimal must be a dot or a comma"),
    ],
)
def test_options_are_checked_when_made(changed: dict[str, Any], says: str) -> None:
    """A value that no step would take is refused at once, in one sentence."""
    with pytest.raises(InputError, match=says):
        TrainingOptions(source="t.csv", target="b", **changed)
