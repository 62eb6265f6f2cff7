"""A contract's nouns refuse what no table could meet."""

from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import SEVERITIES, Column, Contract, RowFeature

TARGET = Column("y", "integer", "target", categories=("0", "1"))


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"name": "", "dtype": "integer"}, "name must be"),
        ({"dtype": "int"}, "dtype must be one of"),
        ({"role": "x"}, "role must be one of"),
        ({"personal": "encrypt"}, "personal must be one of"),
        ({"missing": 1.5}, "missing must be a share"),
        ({"minimum": 2, "maximum": 1}, "minimum must be at most the maximum 1; got 2"),
        ({"minimum": float("nan")}, "minimum must be a finite number"),
        ({"dtype": "string", "minimum": 1, "categories": ("a",)}, "minimum must be absent"),
        ({"categories": ()}, "categories must be a list of at least one"),
        ({"categories": ("1", "1")}, "categories must be different"),
        ({"categories": ("1", "x")}, "categories must be a list of integer texts"),
        ({"dtype": "number", "categories": ("1.5",)}, "categories must be absent from a number"),
        ({"dtype": "string"}, "categories must be listed for a text feature"),
        ({"dtype": "timestamp"}, "role must not be 'feature' for a timestamp"),
        ({"role": "timestamp"}, "dtype must be timestamp"),
        ({"personal": "drop"}, "role must be 'ignore' for personal data that are dropped"),
        ({"personal": "hash"}, "role must be 'ignore', 'id' or 'group'"),
        ({"dtype": "boolean", "format": "%Y"}, "format must be absent"),
        ({"format": "%Y"}, "format must be the number 1234.56 or 1234 as the column writes it"),
        (
            {"role": "ignore", "known_at_prediction": True},
            "known_at_prediction must be absent from a column of role ignore",
        ),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(given: dict[str, Any], fragment: str) -> None:
    """Each fault of a column is told by the name of what is wrong."""
    with pytest.raises(InputError) as caught:
        Column(**{"name": "age", "dtype": "integer", **given})
    assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"kind": "hour", "columns": ("a", "b")}, "columns must be a list of 1 for hour"),
        ({"kind": "elapsed", "columns": ("a",)}, "columns must be a list of 2 for elapsed"),
        ({"kind": "holiday", "columns": ("a",), "country": "Utopia"}, "country must be an ISO 3166 code"),
        ({"kind": "hour", "columns": ("a",), "country": "US"}, "country must be absent"),
        ({"kind": "minute", "columns": ("a",)}, "kind must be one of"),
    ],
)
def test_a_row_feature_that_cannot_be_computed_is_refused(given: dict[str, Any], fragment: str) -> None:
    """Arity, kind and country of a row feature are checked when it is made."""
    with pytest.raises(InputError) as caught:
        RowFeature(**{"name": "made", **given})
    assert fragment in str(caught.value)


WHEN = Column("when", "timestamp", "timestamp")


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"name": "Has Capitals"}, "name must be lower case"),
        ({"name": "a" * 41}, "name must be lower case"),
        ({"columns": (Column("x", "number"),)}, "of role target exactly once"),
        ({"columns": (TARGET, Column("y", "number"))}, "named differently"),
        ({"task": "multiclass"}, "of three or more categories"),
        ({"task": "regression"}, "a number without categories"),
        ({"positive": "2"}, "positive must be one of the classes"),
        ({"rules": {"rang": "warn"}}, "rules must be of"),
        ({"rules": {"missing": "quarantine"}}, "about more than one row"),
        ({"keys": ("z",)}, "keys must be names of columns"),
        ({"time_column": "y"}, "time_column must be the name of a column of role timestamp"),
        ({"max_quarantined": 2}, "max_quarantined must be a share"),
        ({"features": (RowFeature("y", "hour", ("when",)),), "columns": (TARGET, WHEN)}, "named differently"),
        ({"features": (RowFeature("h", "hour", ("gone",)),)}, "features[0] (h): columns must be names"),
        ({"features": (RowFeature("h", "ratio", ("y", "y")),)}, "neither the target nor hidden"),
        ({"features": (RowFeature("h", "product", ("when", "when")),), "columns": (TARGET, WHEN)}, "of dtype integer"),
    ],
)
def test_a_contract_whose_parts_contradict_one_another_is_refused(given: dict[str, Any], fragment: str) -> None:
    """Each contradiction between parts is told by its place."""
    with pytest.raises(InputError) as caught:
        Contract(**{"name": "a", "task": "binary", "columns": (TARGET,), **given})
    assert fragment in str(caught.value)


def test_inputs_are_the_features_and_what_row_features_need() -> None:
    """A client sends features and the timestamps behind row features, neither ids nor the target."""
    contract = Contract(
        name="a",
        task="binary",
        columns=(
            Column("id", "integer", "id"),
            TARGET,
            Column("x", "number"),
            WHEN,
            Column("other", "timestamp", "ignore"),
        ),
        features=(RowFeature("hour", "hour", ("when",)),),
    )
    assert [column.name for column in contract.inputs] == ["x", "when"]


def test_a_severity_of_the_contract_goes_before_the_default() -> None:
    """Rules that the contract does not name keep their default severity."""
    contract = Contract(name="a", task="binary", columns=(TARGET,), rules={"range": "stop"})
    assert contract.severity("range") == "stop"
    assert contract.severity("type") == SEVERITIES["type"]
