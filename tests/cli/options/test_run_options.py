"""What the command line makes of its options."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.model_names import default_name, model_name
from headrace.api.training_arguments import search_budget
from headrace.cli.options import run_options, table_options
from headrace.core.base.errors import InputError


@given(st.text())
def test_a_model_name_is_one_that_kubernetes_takes(text: str) -> None:
    """Any text becomes a lower-case name of at most 40 letters, digits and dashes."""
    name = model_name(text)
    assert 1 <= len(name) <= 40
    assert name[0].isalpha()
    assert name[-1] != "-"
    assert all(letter.isascii() and (letter.isalnum() or letter == "-") for letter in name)
    assert name == name.lower()


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("data/Heart Disease.csv.gz", "heart-disease"),
        ("s3://bucket/tables/taxis/", "taxis"),
        ("https://example.org/a/german.csv?raw=1", "german"),
        ("parts/*.parquet", "parts"),
        ("*.csv", "table"),
        ("2024.csv", "m-2024"),
    ],
)
def test_the_default_name_is_the_tables(table: str, name: str) -> None:
    """A model is called after its table."""
    assert default_name(table) == name


def test_names_may_hold_commas() -> None:
    """A name in double quotes keeps its comma."""
    assert run_options.comma_list('age, "salary, yearly",sex') == ["age", "salary, yearly", "sex"]
    assert run_options.comma_list("") == []


def test_bounds_are_read() -> None:
    """A bound is a metric and a number."""
    assert run_options.bounds(["roc_auc=0.8", "log_loss = 0.5"]) == {"roc_auc": 0.8, "log_loss": 0.5}


@pytest.mark.parametrize("text", ["roc_auc", "roc_auc=high", "=", ""])
def test_a_bound_of_another_form_is_refused(text: str) -> None:
    """The sentence shows the form that was expected."""
    with pytest.raises(InputError, match="--metric-bound must be METRIC=NUMBER"):
        run_options.bounds([text])


@pytest.mark.parametrize("text", ["0", "-1", "1d", "many", "5 m", "1.5m"])
def test_a_budget_of_another_form_is_refused(text: str) -> None:
    """A budget is trials or a time, nothing else."""
    with pytest.raises(InputError, match="--budget must be"):
        search_budget(text, spell=table_options.flag)


@pytest.mark.parametrize("text", ["", "1", "20", "90s", "5m", "1h"])
def test_a_budget_passes(text: str) -> None:
    """Trials and times pass as they are."""
    assert search_budget(text) == text
