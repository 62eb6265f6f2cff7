"""Labels come late, out of order, twice, corrected and for unknown requests; each row has the one that counts."""

import datetime as dt
import itertools
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels.label_intake import LabelCounts, take_labels
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.labelled_rows import (
    contract_rows,
    find_labelled_span,
    join_labels,
    labelled_rows,
    match_labels,
)
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace, open_objects
from tests.properties import examples

DAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
NOW = DAY + dt.timedelta(days=30)
SHOP = Contract(
    "shop",
    "binary",
    (
        Column("age", dtype="number"),
        Column("client", dtype="integer", role="ignore"),
        Column("sold", dtype="string", role="target", categories=("no", "yes")),
    ),
    keys=("client",),
)


class Shop:
    """A monitoring store in a folder, with one row for each of some requests."""

    def __init__(self, folder: Path, requests: dict[str, tuple[int, float]]) -> None:
        """Store requests: by id the client and the day of each."""
        place: StorePlace = open_objects(str(folder))
        self.rows, self.labels = WindowStore(place, "shop"), LabelStore(place, "shop")
        self.rows.write(
            pl.DataFrame(
                [
                    {
                        "request_id": name,
                        "row": 0,
                        "time": DAY + dt.timedelta(days=day),
                        "model_digest": "d",
                        "input_age": 30.0,
                        "input_client": client,
                        "label": "no",
                        "probability_no": 0.75,
                        "probability_yes": 0.25,
                    }
                    for name, (client, day) in requests.items()
                ],
                schema_overrides={"row": pl.Int32(), "time": pl.Datetime("us", "UTC")},
            )
        )

    def take(self, now: dt.datetime = NOW, **table: list[object]) -> LabelCounts:
        """Take a table of labels."""
        frame = pl.DataFrame(table, strict=False)
        return take_labels(frame, SHOP, rows=self.rows, labels=self.labels, now=now)[0]

    def actual(self, start: float = 0, end: float = 28) -> dict[str, str]:
        """Return what is known of the requests of some days."""
        window = TimeWindow(DAY + dt.timedelta(days=start), DAY + dt.timedelta(days=end))
        found = labelled_rows(self.rows, self.labels, window, SHOP)
        return dict(found.select("request_id", "actual").iter_rows())


def test_labels_are_counted_and_joined(tmp_path: Path) -> None:
    """Matched, unknown and refused ones; an unknown one counts once its request is stored."""
    shop = Shop(tmp_path, {"a": (1, 0), "b": (2, 1)})
    counts = shop.take(request_id=["a", "x", "b"], sold=["yes", "no", "perhaps"])
    assert (counts.labels, counts.matched, counts.unknown, counts.refused) == (3, 1, 1, 1)
    assert shop.actual() == {"a": "yes"}
    assert Shop(tmp_path, {"x": (3, 2)}).actual() == {"a": "yes", "x": "no"}
    assert counts.sentence.startswith("3 labels, 1 matched, 1 unknown, 0 corrected, 0 repeated, 1 refused (1 because")


def test_a_row_that_is_stored_in_two_parts_matches_once(tmp_path: Path) -> None:
    """Halves whose hours lie apart are two stored rows; the counts of labels add up all the same."""
    shop = Shop(tmp_path, {"a": (1, 0)})
    Shop(tmp_path, {"a": (1, 5)})
    counts = shop.take(request_id=["a", "x"], sold=["yes", "no"], observed=["2026-03-03T00:00:00Z"] * 2)
    assert (counts.labels, counts.matched, counts.unknown, counts.refused, counts.early) == (2, 1, 1, 0, 0)
    week = TimeWindow(DAY, DAY + dt.timedelta(days=28))
    received = TimeWindow(DAY, NOW + dt.timedelta(days=1))
    assert find_labelled_span(shop.rows, shop.labels, week, SHOP, received=received).unmatched == 1


def test_a_table_given_twice_changes_nothing(tmp_path: Path) -> None:
    """Nor does a longer table with the same labels change what was known."""
    shop = Shop(tmp_path, {"a": (1, 0), "b": (2, 1)})
    shop.take(request_id=["a"], sold=["yes"])
    before = [file.key for file in shop.labels.files()]
    again = shop.take(request_id=["a"], sold=["yes"])
    assert (again.repeated, again.corrected, again.stored) == (1, 0, False)
    assert [file.key for file in shop.labels.files()] == before
    longer = shop.take(request_id=["a", "b"], sold=["yes", "no"])
    assert (longer.repeated, longer.stored) == (1, True)
    assert shop.actual() == {"a": "yes", "b": "no"}


def test_a_correction_counts_and_is_counted(tmp_path: Path) -> None:
    """Without times, what is received later is true."""
    shop = Shop(tmp_path, {"a": (1, 0)})
    shop.take(request_id=["a"], sold=["yes"])
    assert shop.take(request_id=["a"], sold=["no"]).corrected == 1
    assert shop.actual() == {"a": "no"}


def test_the_latest_observation_counts_in_whatever_order_tables_come(tmp_path: Path) -> None:
    """A table that was late itself does not undo what was observed after it."""
    shop = Shop(tmp_path, {"a": (1, 0)})
    shop.take(request_id=["a"], sold=["no"], observed=["2026-03-09T00:00:00Z"])
    late = shop.take(request_id=["a"], sold=["yes"], observed=["2026-03-05T00:00:00Z"])
    assert (late.corrected, late.stored) == (0, True)
    assert shop.actual() == {"a": "no"}


def test_a_clock_that_goes_back_does_not_change_the_order_of_receipt(tmp_path: Path) -> None:
    """The second table counts although its machine's clock is a day behind."""
    shop = Shop(tmp_path, {"a": (1, 0)})
    shop.take(NOW, request_id=["a"], sold=["no"])
    shop.take(NOW - dt.timedelta(days=1), request_id=["a"], sold=["yes"])
    assert shop.actual() == {"a": "yes"}


def test_two_values_in_one_table_are_a_correction(tmp_path: Path) -> None:
    """The later row of the table is true."""
    shop = Shop(tmp_path, {"a": (1, 0)})
    assert shop.take(request_id=["a", "a"], sold=["yes", "no"]).corrected == 1
    assert shop.actual() == {"a": "no"}


def test_labels_from_before_their_request_are_counted(tmp_path: Path) -> None:
    """They are true all the same, but somebody's clock or table may be wrong."""
    shop = Shop(tmp_path, {"a": (1, 5)})
    counts = shop.take(request_id=["a"], sold=["yes"], observed=["2026-03-02T00:00:00Z"])
    assert counts.early == 1
    assert "1 observed before their request" in counts.sentence


def test_a_key_is_of_the_latest_request_before_the_label(tmp_path: Path) -> None:
    """A client who comes back has a label of each time; one from before the first visit is of none."""
    shop = Shop(tmp_path, {"first": (7, 1), "second": (7, 10), "other": (8, 1)})
    counts = shop.take(
        client=["7", "7", "8"],
        sold=["yes", "no", "no"],
        observed=["2026-03-05T00:00:00Z", "2026-03-20T00:00:00Z", "2026-03-01T12:00:00Z"],
    )
    assert (counts.matched, counts.unknown) == (2, 1)
    assert shop.actual() == {"first": "yes", "second": "no"}


def test_a_key_is_not_of_a_window_that_a_later_request_follows(tmp_path: Path) -> None:
    """The label belongs to the second visit, also when only the first one's day is looked at."""
    shop = Shop(tmp_path, {"first": (7, 1), "second": (7, 10)})
    shop.take(client=[7], sold=["yes"], observed=["2026-03-20T00:00:00Z"])
    assert shop.actual(end=3) == {}
    assert shop.actual(start=9) == {"second": "yes"}


def test_labels_by_request_and_by_key_are_one_history(tmp_path: Path) -> None:
    """The latest observation counts, whichever way it names the row."""
    shop = Shop(tmp_path, {"a": (7, 1)})
    shop.take(client=[7], sold=["no"], observed=["2026-03-08T00:00:00Z"])
    shop.take(request_id=["a"], sold=["yes"], observed=["2026-03-07T00:00:00Z"])
    assert shop.actual() == {"a": "no"}


def test_rows_have_the_contracts_names_with_the_target(tmp_path: Path) -> None:
    """That is the table which a model is fitted on again."""
    shop = Shop(tmp_path, {"a": (7, 1), "b": (8, 2)})
    shop.take(request_id=["a"], sold=["yes"])
    window = TimeWindow(DAY, NOW)
    rows = labelled_rows(shop.rows, shop.labels, window, SHOP)
    assert contract_rows(rows, SHOP).to_dicts() == [{"age": 30.0, "client": 7, "sold": "yes"}]
    everything = labelled_rows(shop.rows, shop.labels, window, SHOP, unlabelled=True)
    assert everything.get_column("actual").to_list() == ["yes", None]


def test_a_window_without_rows_and_a_store_without_labels_are_empty_tables(tmp_path: Path) -> None:
    """Labels for nothing, and nothing for labels."""
    shop = Shop(tmp_path, {"a": (7, 1)})
    assert shop.actual() == {}
    shop.take(request_id=["a"], sold=["yes"])
    assert shop.actual(start=20) == {}


def test_altered_and_foreign_files_are_one_sentence(tmp_path: Path) -> None:
    """Nothing that this program did not write counts as true."""
    shop = Shop(tmp_path, {"a": (7, 1)})
    shop.take(request_id=["a"], sold=["yes"])
    store = shop.labels.place.store
    assert isinstance(store, FolderStore)
    (file,) = shop.labels.files()
    store.path(file.key).write_bytes(b"PAR1")
    with pytest.raises(InputError, match="they were altered"):
        shop.actual()
    store.path(shop.labels.prefix + "notes.txt").write_text("no labels")
    with pytest.raises(InputError, match=r"got 'notes.txt' instead"):
        shop.labels.files()


@examples(15)
@given(order=st.permutations(range(6)), cuts=st.sets(st.integers(1, 5)))
def test_the_order_and_the_tables_in_which_labels_come_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: set[int]
) -> None:
    """Labels with times give one result, however they are ordered and divided into tables."""
    shop = Shop(tmp_path_factory.mktemp("shop"), {"a": (1, 0), "b": (2, 0)})
    labels = [("ab"[number % 2], ("no", "yes")[number % 3 == 0], f"2026-03-0{number + 2}") for number in range(6)]
    bounds = [0, *sorted(cuts), 6]
    for start, end in itertools.pairwise(bounds):
        part = [labels[place] for place in order[start:end]]
        names, values, times = (list(column) for column in zip(*part, strict=True))
        shop.take(request_id=names, sold=values, observed=times)
    assert shop.actual() == {"a": labels[4][1], "b": labels[5][1]}


@examples(20)
@given(
    visits=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), min_size=1, max_size=6, unique=True),
    outcomes=st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["no", "yes"]), st.integers(0, 12)), min_size=1, max_size=6
    ),
    start=st.integers(0, 9),
)
def test_labels_that_are_matched_once_serve_every_later_window(
    tmp_path_factory: pytest.TempPathFactory,
    visits: list[tuple[int, int]],
    outcomes: list[tuple[int, str, int]],
    start: int,
) -> None:
    """A key's label belongs to its latest request, whether earlier requests are looked at or not."""
    shop = Shop(tmp_path_factory.mktemp("shop"), {f"{client}-{day}": (client, day) for client, day in visits})
    clients, values, days = (list(column) for column in zip(*outcomes, strict=True))
    times = [(DAY + dt.timedelta(days=day)).isoformat() for day in days]
    shop.take(client=clients, sold=values, observed=times)
    window = TimeWindow(DAY + dt.timedelta(days=start), DAY + dt.timedelta(days=start + 2))
    found = match_labels(shop.rows, shop.labels.read(), SHOP, since=DAY)
    joined = join_labels(shop.rows.read(window), found)
    assert joined.equals(labelled_rows(shop.rows, shop.labels, window, SHOP))
