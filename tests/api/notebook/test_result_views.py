"""Results in a notebook: shown by IPython's formatters, and never an error in place of a result."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headrace.api as hr
from headrace.api.notebook import result_views
from headrace.serving.deployment.local import Endpoint
from tests.jupyter.shells import ipython_shell


@pytest.fixture
def shell() -> Iterator[Any]:
    """A shell of IPython in this process, with the views."""
    with ipython_shell() as shell:
        assert result_views.register_views()
        yield shell


def _shown(shell: Any, value: Any) -> tuple[str, str]:
    data, _ = shell.display_formatter.format(value)
    return data["text/plain"], data.get("text/html", "")


def test_without_ipython_nothing_is_registered() -> None:
    """A script pays for nothing."""
    assert not result_views.register_views()


def test_each_named_class_and_function_exists() -> None:
    """Names that IPython compares with would else fail in silence."""
    from importlib import import_module

    for (module, name), target in result_views._DESCRIPTIONS.items():
        assert isinstance(getattr(import_module(module), name), type)
        place, _, function = target.partition(":")
        assert callable(getattr(import_module(f"headrace.reports.notebook.{place}"), function))


def test_results_are_shown_as_tables(shell: Any, folder: Path) -> None:
    """Of a run, its model, its contract and predictions; each also as one line of text."""
    run = hr.open_run("headrace-out/customers")
    predictions = hr.score(run, "customers.csv")
    for value, line, content in (
        (run, "<Run customers: ", "test part"),
        (run.bundle, "<Model customers: family ", "no signatures"),
        (run.bundle.contract, "<Contract customers: task binary", ">churn<"),
        (predictions, "<Predictions of customers: 400 of 400 rows scored>", "probability_yes"),
        (hr.plan_ab_test("t", metrics=["a,rate=0.1,effect=0.02"]), "<Plan of an A/B test t", "keys"),
    ):
        text, html = _shown(shell, value)
        assert text.startswith(line)
        assert "\n" not in text
        assert content in html
        assert len(html) < 30_000


@pytest.mark.parametrize("name", ["out", "out.parquet", "out.csv"])
def test_stored_predictions_show_their_head(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without reading all of them."""
    predictions = hr.score("headrace-out/customers", "customers.csv", output=name)
    whole = predictions.frame
    monkeypatch.setattr(hr.Predictions, "frame", property(lambda _: pytest.fail("all of it was read")))
    assert predictions.head(3).equals(whole.head(3))
    assert predictions.head(3)["row"].dtype == pl.Int64
    assert "10 of 400 rows" in str(predictions._repr_html_())


def test_a_model_and_its_contract_count_the_same_inputs(shell: Any, folder: Path) -> None:
    """Columns that a client sends, not those of the matrix that are made of them."""
    bundle = hr.open_run("headrace-out/customers").bundle
    inputs = f">{len(bundle.contract.inputs)} of {len(bundle.contract.columns)} columns<"
    assert all(inputs in _shown(shell, one)[1] for one in (bundle, bundle.contract))


def test_a_view_is_never_an_error(shell: Any, folder: Path) -> None:
    """A result whose files are gone is shown by its text."""
    run = hr.open_run("headrace-out/customers")
    bundle, predictions = run.bundle, hr.score(run, "customers.csv", output="out.parquet")
    (bundle.folder / "model.json").unlink()
    Path("out.parquet").unlink()
    broken = hr.Run(home=folder, summary=None)  # type: ignore[arg-type]
    assert broken._repr_html_() is None
    assert predictions._repr_html_() is None
    text, html = _shown(shell, bundle)
    assert text.startswith("Bundle(")
    assert html == ""


def test_an_endpoint_is_not_asked(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Its view comes from what is known: a server that hangs does not make the notebook hang."""
    monkeypatch.setattr("urllib3.PoolManager.request", lambda *_, **__: pytest.fail("it was asked"))
    url = "http://127.0.0.1:9/v1/models/customers:predict"
    bundle = str(hr.open_run("headrace-out/customers").bundle.folder)
    ended = hr.ModelEndpoint(Endpoint(url=url, name="customers", digest="ab" * 32, pid=2**30), bundle=bundle)
    assert "Ended" in str(ended._repr_html_())
    assert repr(ended) == f"<ModelEndpoint customers: {url}, model {'ab' * 6}, ended>"
    elsewhere = hr.ModelEndpoint(
        Endpoint(url=url, name="customers", digest="ab" * 32, platform="kserve"), bundle=bundle
    )
    assert elsewhere.example.keys() >= {"age", "plan"}
    assert "Deployed" in str(elsewhere._repr_html_())
    assert "curl" in str(elsewhere._repr_html_())
    assert hr.ModelEndpoint(ended.deployment).example is None


def test_the_test_part_is_what_was_measured(folder: Path) -> None:
    """With the actual values beside it; a folder without it says so."""
    import shutil

    run = hr.open_run("headrace-out/customers")
    assert run.rows
    assert run.test_rows.height == run.rows.test
    assert run.test_rows["churn"].null_count() == 0
    shutil.rmtree(run.home / "steps")
    with pytest.raises(hr.MissingError, match="there is no test part in"):
        _ = run.test_rows
