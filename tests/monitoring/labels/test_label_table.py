"""Tables of labels: each row is taken, or refused with a reason."""

import datetime as dt

import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.monitoring.labels.label_table import LabelColumns, check_labels, count_reasons

NOW = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
AGE = Column("age", dtype="number")
SHOP = Contract(
    "shop",
    "binary",
    (
        AGE,
        Column("client", dtype="integer", role="ignore"),
        Column("sold", dtype="string", role="target", categories=("no", "yes")),
    ),
    keys=("client",),
)
PRICE = Contract("price", "regression", (AGE, Column("paid", dtype="number", role="target", minimum=0.0)))


def _reasons(table: dict[str, list[object]], contract: Contract = SHOP) -> dict[str, int]:
    return count_reasons(check_labels(pl.DataFrame(table, strict=False), contract, now=NOW).refused)


def test_labels_name_requests_or_keys() -> None:
    """The column of request ids is used if it is there, else the contract's keys."""
    by_request = check_labels(pl.DataFrame({"request_id": ["a"], "client": [7], "sold": ["yes"]}), SHOP, now=NOW)
    by_key = check_labels(pl.DataFrame({"client": ["7"], "sold": ["yes"]}), SHOP, now=NOW)
    assert by_request.labels.row(0) == ("a", 0, "yes", None)
    assert by_key.labels.row(0) == (7, "yes", None)
    assert (by_request.by, by_key.by) == (["request_id", "row"], ["key_client"])


def test_texts_of_a_csv_become_the_contracts_types() -> None:
    """A number is a number, a time is in UTC, and a row's position is whole."""
    table = pl.DataFrame(
        {"request_id": ["a"], "row": ["2"], "paid": ["3.50"], "observed": ["2026-03-01T12:00:00+02:00"]}
    )
    (label,) = check_labels(table, PRICE, now=NOW).labels.iter_rows()
    assert label == ("a", 2, 3.5, dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC))


def test_each_bad_row_is_refused_with_its_reason() -> None:
    """Good rows of the same table are taken; nothing is left out in silence."""
    reasons = _reasons(
        {
            "request_id": ["a", None, "c", "d", "e", "f", "g"],
            "row": [0, 0, -1, 0, 0, 0, 0],
            "sold": ["yes", "no", "no", "maybe", None, "no", "no"],
            "observed": [None, None, None, None, None, "yesterday", "2026-03-11T00:00:00Z"],
        }
    )
    assert reasons == dict.fromkeys(reasons, 1)
    assert sorted(reasons) == [
        "observed lies in the future of this machine's clock",
        "observed must be a time such as 2026-03-01T12:00:00Z",
        "the actual value is missing",
        "the actual value must be one of 'no', 'yes'",
        "the request's id is missing",
        "the row must be a whole number from 0",
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("inf"), "a finite number"),
        (1e200, "within 1e100 of zero"),
        ("many", "must be a number"),
        (-1.0, "at least 0"),
    ],
)
def test_a_number_that_no_metric_could_use_is_refused(value: object, reason: str) -> None:
    """Infinite, too large, no number at all, or outside the contract's range."""
    (found,) = _reasons({"request_id": ["a"], "paid": [value]}, PRICE)
    assert reason in found


def test_classes_are_spelled_as_the_contract_spells_them() -> None:
    """A class that is a number is found whatever the table's dtype is."""
    numbers = Contract("grade", "binary", (AGE, Column("pass", dtype="integer", role="target", categories=("0", "1"))))
    for values in ([1, 0], ["1", "0"], [1.0, 0.0]):
        table = pl.DataFrame({"request_id": ["a", "b"], "pass": values})
        assert check_labels(table, numbers, now=NOW).labels.get_column("actual").to_list() == ["1", "0"], values


def test_a_table_without_the_actual_value_is_one_sentence() -> None:
    """The sentence names the columns that there are, and the option."""
    with pytest.raises(InputError, match=r"must have the column 'sold'.*'request_id'.*--actual-column"):
        check_labels(pl.DataFrame({"request_id": ["a"]}), SHOP, now=NOW)
    table = pl.DataFrame({"request_id": ["a"], "outcome": ["no"]})
    assert check_labels(table, SHOP, now=NOW, columns=LabelColumns(actual="outcome")).labels.height == 1


def test_a_table_that_names_no_row_is_one_sentence() -> None:
    """Neither request ids nor the contract's keys are there."""
    with pytest.raises(InputError, match=r"column 'request_id', by the contract's keys \['client'\]"):
        check_labels(pl.DataFrame({"sold": ["no"]}), SHOP, now=NOW)
    with pytest.raises(InputError, match="keys, which the contract lacks"):
        check_labels(pl.DataFrame({"paid": [1.0]}), PRICE, now=NOW)


def test_an_empty_table_gives_no_labels() -> None:
    """Labels for nothing are no error."""
    table = pl.DataFrame(schema={"request_id": pl.String(), "sold": pl.String()})
    assert check_labels(table, SHOP, now=NOW).labels.is_empty()
