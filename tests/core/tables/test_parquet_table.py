"""A table is a folder of parts that is whole or absent."""

from pathlib import Path

import polars as pl
import pytest

from headrace.core.base.errors import InputError, InternalError, MissingError
from headrace.core.tables.parquet_table import TableWriter, parts, read, scan


def test_parts_come_back_in_order(tmp_path: Path) -> None:
    """Rows written in three parts are read in the order they were written."""
    with TableWriter(tmp_path / "table") as writer:
        for start in (0, 3, 6):
            writer.write(pl.DataFrame({"a": range(start, start + 3)}))
    assert read(tmp_path / "table")["a"].to_list() == list(range(9))
    assert writer.rows == 9
    assert [part.name for part in parts(tmp_path / "table")] == [f"part-0000{i}.parquet" for i in range(3)]


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    """A table of no rows still has one part that tells names and dtypes."""
    with TableWriter(tmp_path / "table", schema=pl.Schema({"a": pl.Int64})):
        pass
    assert scan(tmp_path / "table").collect_schema() == pl.Schema({"a": pl.Int64})
    assert len(parts(tmp_path / "table")) == 1


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    """A writer whose block fails leaves neither the table nor its hidden folder."""

    def fail() -> None:
        with TableWriter(tmp_path / "table") as writer:
            writer.write(pl.DataFrame({"a": [1]}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_new_table_replaces_an_old_one(tmp_path: Path) -> None:
    """Writing where a longer table stands leaves only the new rows."""
    for values in ([1, 2], [3]):
        with TableWriter(tmp_path / "table") as writer:
            for value in values:
                writer.write(pl.DataFrame({"a": [value]}))
    assert read(tmp_path / "table")["a"].to_list() == [3]


def test_an_old_table_stays_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption between the two renames puts the old table back, and leaves nothing beside it."""
    with TableWriter(tmp_path / "table") as writer:
        writer.write(pl.DataFrame({"a": [1]}))
    rename = Path.replace

    def interrupted(path: Path, target: Path) -> Path:
        if path.name.startswith(".table.") and not path.name.endswith(".old"):
            raise SystemExit
        return rename(path, target)

    def write_again() -> None:
        with TableWriter(tmp_path / "table") as writer:
            writer.write(pl.DataFrame({"a": [2]}))

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(SystemExit):
        write_again()
    assert read(tmp_path / "table")["a"].to_list() == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_parts_of_two_schemas_are_refused(tmp_path: Path) -> None:
    """A part with another dtype breaks a promise of the caller's."""
    with TableWriter(tmp_path / "table") as writer:
        writer.write(pl.DataFrame({"a": [1]}))
        with pytest.raises(InternalError, match="must have"):
            writer.write(pl.DataFrame({"a": ["1"]}))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    """Reading where there is no table says where it was looked for."""
    with pytest.raises(MissingError, match=r"no table in .*absent"):
        read(tmp_path / "absent")


def test_an_unwritable_place_is_the_users_mistake(tmp_path: Path) -> None:
    """A file where the parent folder should be is told in one sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write in the folder"), TableWriter(tmp_path / "file" / "table"):
        pass


def test_odd_folder_names_are_taken_literally(tmp_path: Path) -> None:
    """A folder whose name looks like a pattern is read as it is."""
    with TableWriter(tmp_path / "t[a]*?") as writer:
        writer.write(pl.DataFrame({"a": [1]}))
    assert read(tmp_path / "t[a]*?").height == 1
