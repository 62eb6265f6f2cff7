"""Pictures as a table: folders, archives, and columns of bytes."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Column
from headrace.core.contracts.table_inference import infer
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.pictures.picture_codec import to_text
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables import parquet_table
from headrace.stores.sources.open_source import open_source


def picture(seed: int, kind: str = "PNG", side: int = 20) -> bytes:
    """The file of a picture of coloured spots."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


FILES = {f"{label}/{number}.png": picture(10 * row + number) for row, label in enumerate("ab") for number in range(3)}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder of files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read(source: Path, folder: Path) -> Any:
    """The raw table of a source, and its notes."""
    facts = ingest_table(open_source(str(source)), folder=folder)
    return parquet_table.read(folder), facts


def test_folder_and_archive_give_the_same_table(tmp_path: Path) -> None:
    """The folder of a picture is its label, and the file is there byte for byte."""
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    frame, _ = read(write(tmp_path / "pictures", FILES), tmp_path / "one")
    assert frame.rows() == [(name, name[0], to_text(content)) for name, content in FILES.items()]
    assert read(tmp_path / "pictures.zip", tmp_path / "two")[0].equals(frame)


def test_near_duplicates_become_the_group_of_a_split(tmp_path: Path) -> None:
    """A larger JPEG of the same picture has its group, by the table's hint; a broken file has its own."""
    files = {**FILES, "a/copy.jpg": picture(1, "JPEG", side=50), "b/broken.png": picture(5)[:60]}
    frame, facts = read(write(tmp_path / "pictures", files), tmp_path / "table")
    groups = dict(frame.select("path", "near_duplicates").iter_rows())
    assert groups["a/1.png"] == groups["a/copy.jpg"]
    assert len(set(groups.values())) == len(files) - 1
    assert "1 of 8 pictures are near-duplicates" in str(facts["notes"])
    contract = infer.infer_with_notes(tmp_path / "table", name="t", target="label", hints=ContractHints()).contract
    assert contract.column("near_duplicates").role == "group"
    assert contract.column("picture") == Column(
        "picture", "picture", missing=0, height=20, width=20, channels=3, augment=("shift", "rotate")
    )


@pytest.mark.parametrize("nested", [False, True])
def test_column_of_bytes_in_parquet_becomes_pictures(tmp_path: Path, nested: bool) -> None:
    """As bytes, or as records with bytes and a path."""
    contents = list(FILES.values())
    values = [{"bytes": content, "path": "x"} for content in contents] if nested else contents
    pl.DataFrame({"image": values, "y": [0, 1] * 3}).write_parquet(tmp_path / "t.parquet")
    frame, _ = read(tmp_path / "t.parquet", tmp_path / "table")
    assert frame.get_column("image").to_list() == [to_text(content) for content in contents]


def test_folder_with_a_table_is_that_table(tmp_path: Path) -> None:
    """Pictures beside it are not mixed into it."""
    folder = write(tmp_path / "mixed", {**FILES, "rows.csv": b"a,b\n1,2\n"})
    assert read(folder, tmp_path / "table")[0].columns == ["a", "b"]


def test_large_pictures_are_made_smaller_by_the_contract(tmp_path: Path) -> None:
    """The longer side has 64 pixels, and the contract says why."""
    files = {f"{label}/{seed}.png": picture(seed, side=200) for label, seed in (("a", 1), ("b", 2))}
    read(write(tmp_path / "pictures", files), tmp_path / "table")
    contract = infer.infer_with_notes(tmp_path / "table", name="t", target="label", hints=ContractHints()).contract
    column = contract.column("picture")
    assert (column.height, column.width) == (64, 64)
    assert "raise height and width" in column.description


def test_a_file_that_is_only_named_like_a_picture_is_a_broken_one(tmp_path: Path) -> None:
    """It is a row, which validation will quarantine; a README beside the pictures is no table."""
    files = {**FILES, "a/empty.png": b"", "b/page.JPG": b"<html>", "README.txt": b"mine", "LICENSE": b"free"}
    frame, _ = read(write(tmp_path / "pictures", files), tmp_path / "table")
    assert frame["path"].to_list() == [*list(FILES)[:3], "a/empty.png", *list(FILES)[3:], "b/page.JPG"]
    contract = infer.infer_contract(tmp_path / "table", name="pictures", target="label")
    assert (contract.column("picture").dtype, contract.column("picture").missing) == ("picture", 0)
    typed = cast_columns(frame, [contract.column("picture")], missing_values=contract.missing_values)
    assert typed.failed["picture"].arg_true().to_list() == [3, 7]


def test_a_folder_that_is_called_null_is_a_class(tmp_path: Path) -> None:
    """The name of a folder is no mark of a missing value."""
    files = {name.replace("a/", "null/").replace("b/", "None/"): content for name, content in FILES.items()}
    read(write(tmp_path / "pictures", files), tmp_path / "table")
    contract = infer.infer_contract(tmp_path / "table", name="pictures", target="label")
    assert contract.target.categories == ("None", "null")
