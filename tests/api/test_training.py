"""``hr.run`` and ``hr.tune``: what they make of their keywords and their table, and how they end."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
import yaml

import headrace.api as hr
from headrace.api.training_keywords import DEFAULTS, TrainingKeywords
from headrace.cli.main import app
from tests.api.conftest import RunnerRecord

COMPILED = Path(__file__).parents[2] / "pipelines" / "compiled" / "training.yaml"
_NOT_FOR_CALLERS = {"source", "target", "journal", "deploy_platform", "split_format"}


def _pipeline_defaults() -> dict[str, Any]:
    """Defaults of the training pipeline's parameters, from its compiled form."""
    spec = next(iter(yaml.safe_load_all(COMPILED.read_text())))
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    return {name: one.get("defaultValue") for name, one in parameters.items()}


def test_the_keywords_are_the_pipelines_parameters() -> None:
    """With their defaults, but for the name, which is the table's; a new parameter is not forgotten here."""
    pipeline = {name: value for name, value in _pipeline_defaults().items() if name not in _NOT_FOR_CALLERS}
    plain = {
        name: list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
        for name, value in DEFAULTS.items()
    }
    assert {**pipeline, "name": ""} == plain
    assert list(TrainingKeywords.__annotations__) == list(DEFAULTS)


@pytest.mark.parametrize("function", [hr.run, hr.tune])
def test_help_shows_every_keyword_with_its_default(function: Any) -> None:
    """Notebooks complete them; each is documented where the docstring says."""
    parameters = inspect.signature(function).parameters
    assert {name: parameters[name].default for name in DEFAULTS} == dict(DEFAULTS)
    documented = inspect.getdoc(TrainingKeywords) or ""
    assert all(f"\n    {name}: " in documented for name in DEFAULTS)


_CASES: list[tuple[list[str], dict[str, Any]]] = [
    ([], {}),
    (
        [
            "--task",
            "binary",
            "--name",
            "My Model",
            "--drop-column",
            "joined",
            "--id-column",
            "age",
            "--missing-value",
            "?",
            "--missing-value",
            "",
        ],
        {
            "task": "binary",
            "name": "My Model",
            "drop_columns": "joined",
            "id_columns": ["age"],
            "missing_values": ["?", ""],
        },
    ),
    (
        [
            "--families",
            "logistic",
            "--max-trials",
            "3",
            "--metric-bound",
            "roc_auc=0.8",
            "--test-size",
            "0.3",
            "--nested",
        ],
        {"families": ("logistic",), "budget": 3, "metric_bounds": {"roc_auc": 0.8}, "test_size": 0.3, "nested": True},
    ),
    (
        ["--column-names", 'age,"a, b"', "--no-header", "--delimiter", "\\t", "--thousands", "space", "--decimal", ","],
        {"column_names": ["age", "a, b"], "header": False, "delimiter": "\\t", "thousands": "space", "decimal": ","},
    ),
    (["--slice", "python3", "--include-data", "--seed", "4"], {"slices": ["python3"], "include_data": True, "seed": 4}),
]


@pytest.mark.parametrize(("typed", "keywords"), _CASES, ids=["tune", "names", "search", "reading", "harmed"])
def test_it_runs_what_the_command_runs(
    folder: Path, runner: RunnerRecord, typed: list[str], keywords: dict[str, Any]
) -> None:
    """The same options give the pipeline the same arguments."""
    command, function = ("run", hr.run) if typed else ("tune", hr.tune)
    app([command, "customers.csv", "--target", "churn", *typed], standalone_mode=False)
    function("customers.csv", target="churn", **keywords)
    by_command, by_function = runner.arguments
    # The command leaves out what is as the pipeline has it.
    assert {**_pipeline_defaults(), **by_command} == {**_pipeline_defaults(), **by_function}


def test_a_run_is_what_the_steps_left(folder: Path, runner: RunnerRecord) -> None:
    """Metrics, verdict, bundle and report; progress comes as lines of text."""
    lines: list[str] = []
    run = hr.run("customers.csv", "churn", progress=lines.append)
    assert lines == ["✓ ingest              0.5 s  400 rows"]
    assert run.home == folder / "headrace-out" / "customers"
    assert run.metrics["roc_auc"].low <= run.metrics["roc_auc"].value <= run.metrics["roc_auc"].high
    assert run.verdict in {"promote", "hold", "reject"}
    assert run.model
    assert (run.bundle.name, run.bundle.digest) == ("customers", run.model.digest)
    assert run.report.is_file()
    assert run.verification["request"]
    assert hr.open_run(run.home).summary == run.summary


def test_nothing_is_printed_unless_it_is_wanted(
    folder: Path, runner: RunnerRecord, capfd: pytest.CaptureFixture[str]
) -> None:
    """A library is silent."""
    hr.run("customers.csv", "churn")
    assert capfd.readouterr() == ("", "")


def _frames() -> list[Any]:
    return [
        pytest.param(pd.read_csv, id="pandas"),
        pytest.param(pl.read_csv, id="polars"),
        pytest.param(pl.scan_csv, id="lazy"),
        pytest.param(lambda path: pl.read_csv(path).to_arrow(), id="arrow"),
    ]


@pytest.mark.parametrize("read", _frames())
def test_a_frame_stands_for_a_path(folder: Path, runner: RunnerRecord, read: Any) -> None:
    """It is a Parquet file of the same rows while the steps run, and gone afterwards."""
    seen: list[Path] = []

    def inspect_source(arguments: Mapping[str, Any]) -> None:
        seen.append(Path(arguments["source"]))
        written, given = pl.read_parquet(seen[-1]), pl.read_csv("customers.csv")
        assert written.columns == given.columns
        assert written.select("age", "plan", "churn").equals(given.select("age", "plan", "churn"))
        assert written["spend"].null_count() == given["spend"].null_count()

    runner.inspect = inspect_source
    hr.run(read("customers.csv"), "churn", name="customers")
    (path,) = seen
    assert path.name == "customers.parquet"
    assert not path.parent.exists()


def test_a_frame_that_has_no_name_is_called_table(folder: Path, runner: RunnerRecord) -> None:
    """Its model too, whatever the temporary folder is called."""
    hr.run(pl.read_csv("customers.csv"), "churn")
    assert runner.arguments[-1]["name"] == "table"


def test_an_index_with_a_name_is_a_column(folder: Path, runner: RunnerRecord) -> None:
    """One without only numbers the rows, as after a sort or a filter, and is dropped."""
    columns: list[list[str]] = []
    runner.inspect = lambda arguments: columns.append(pl.read_parquet(arguments["source"]).columns)
    frame = pd.read_csv("customers.csv").sort_values("age")
    hr.run(frame, "churn")
    hr.run(frame.set_index("plan"), "churn")
    with pytest.warns(UserWarning, match="the frame's index has no name and is left out"):
        hr.run(frame.set_index("plan").rename_axis(index=None), "churn")
    hr.run(frame.set_index(["plan", "age"]).rename_axis(index=["plan", None]), "churn")
    assert columns == [
        ["age", "spend", "plan", "joined", "churn"],
        ["plan", "age", "spend", "joined", "churn"],
        ["age", "spend", "joined", "churn"],
        ["plan", "spend", "joined", "churn"],
    ]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (pd.DataFrame([[1, 2]]), "the columns of a frame must be named by texts; got 0"),
        (pd.DataFrame({"a": [1, "x"], "b": [1, 2]}), "each column of one type"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a")), "'a' as a column and as its index"),
        (pl.DataFrame({"a": [object()]}), "must be one that Parquet can hold"),
        ({"a": [1]}, r"a path, an address, or a data frame of pandas or Polars; got \{'a'"),
        (None, "got None instead"),
    ],
)
def test_what_is_no_table_is_refused(folder: Path, runner: RunnerRecord, table: Any, says: str) -> None:
    """In one sentence, before anything runs."""
    with pytest.raises(hr.InputError, match=says) as caught:
        hr.run(table, "churn")
    assert "\n" not in str(caught.value)
    assert not runner.arguments


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"test_size": 1.5}, r"^test_size must be above 0 and below 1; got 1.5"),
        ({"task": "ranking"}, r"^task must be binary, multiclass, regression or anomaly; got 'ranking'"),
        ({"decimal": ";"}, r"^decimal must be a dot or a comma; got ';'"),
        ({"decimal": ",", "thousands": ","}, r"^thousands must be another mark than decimal; got ','"),
        ({"cleanup": "soon"}, r"^cleanup must be always, succeeded or never; got 'soon'"),
        ({"alert_budget": "5"}, r"^alert_budget is for a task anomaly"),
        ({"budget": "soon"}, r"^budget must be a number of trials"),
        ({"budget": 0}, r"^budget must be a number of trials"),
        ({"tuner": "moon"}, r"^tuner must be local or katib"),
        ({"tuner": "katib"}, r"^tuner katib needs an object store"),
        ({"search_namespace": "a"}, r"^search_namespace says where .* without tuner katib"),
        ({"experiment": "no/such.yaml"}, r"^experiment must be a file"),
        ({"champion": 3}, "a model must be a path"),
        ({"champion": Path("nowhere")}, "there is no folder nowhere"),
        ({"card": "no.yaml"}, "no.yaml"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_keyword(
    folder: Path, runner: RunnerRecord, keywords: dict[str, Any], says: str
) -> None:
    """The sentence names what the caller wrote, not the command's spelling; nothing has run."""
    with pytest.raises(hr.UserError, match=says):
        hr.run("customers.csv", "churn", **keywords)
    assert not runner.arguments


def test_an_unknown_keyword_is_a_type_error(folder: Path, runner: RunnerRecord) -> None:
    """As of any function; the nearest keyword is named."""
    unknown: dict[str, Any] = {"famlies": ["logistic"]}
    with pytest.raises(TypeError, match=r"tune\(\) got an unexpected keyword .*'famlies'; did you mean 'families'"):
        hr.tune("customers.csv", "churn", **unknown)
    assert not runner.arguments


def test_a_run_is_a_champion(folder: Path, runner: RunnerRecord) -> None:
    """So is its bundle; both are the bundle's folder."""
    run = hr.open_run("headrace-out/customers")
    for champion in (run, run.bundle, run.home):
        hr.run("customers.csv", "churn", champion=champion, output="other")
        assert runner.arguments[-1]["champion"] == str(run.home / "bundle")


def test_a_name_that_is_not_the_contracts_is_refused(folder: Path, runner: RunnerRecord) -> None:
    """The contract names the model; a name of the table's file contradicts nothing."""
    path = Path("headrace-out/customers/contract.yaml")
    with pytest.raises(hr.InputError, match=r"^name must be the contract's, 'customers'; got 'other' instead; edit"):
        hr.run("customers.csv", "churn", contract=str(path), name="other")
    assert not runner.arguments
    Path("other.csv").write_bytes(Path("customers.csv").read_bytes())
    hr.run("other.csv", "churn", contract=str(path), output="other")
    hr.run("customers.csv", "churn", contract=str(path), name="Customers", output="other")
    assert [one["name"] for one in runner.arguments] == ["other", "customers"]


def test_a_run_that_fails_raises_what_the_step_says(folder: Path, runner: RunnerRecord) -> None:
    """The suite's own error, never the end of the process; the last good results stay."""
    runner.error = hr.InputError("ingest: there is no column 'x'.")
    before = hr.open_run("headrace-out/customers").summary
    with pytest.raises(hr.InputError, match=r"^ingest: there is no column 'x'\. \(see .*failed\)$"):
        hr.run("customers.csv", "churn")
    assert hr.open_run("headrace-out/customers").summary == before
    failed = hr.open_run("headrace-out/customers/failed")
    assert (failed.summary.status, failed.summary.error) == ("failed", "ingest: there is no column 'x'.")
    assert "The run failed" in failed._repr_html_()


@pytest.mark.slow
def test_a_frame_is_run_for_real(folder: Path) -> None:
    """Twice, through every step: the bundle's digest knows no temporary path."""
    frame = pd.read_csv("customers.csv")
    runs = [hr.run(frame, "churn", name="customers", budget=1, folds=2, output=name) for name in ("one", "two")]
    assert runs[0].bundle.digest == runs[1].bundle.digest
    assert runs[0].summary.endpoint
    assert runs[0].summary.endpoint.verified
    assert hr.score(runs[0], frame).refused == 0
