"""A project from the template: a table, its contract, a pipeline with a step of its own, tests and CI."""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from headrace.core.base.errors import InputError, InternalError, MissingError, quote
from headrace.core.base.files import write_text
from headrace.core.base.notes import Note, from_json
from headrace.core.contracts.contract_yaml import dump
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import InferredContract, infer_with_notes
from headrace.core.readers.ingest import ingest_table
from headrace.project_template.example_table import TARGET, example_table
from headrace.stores.sources.open_source import open_source

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_PLACE = re.compile(r"<<([A-Z_]+)>>")
_MOST_BYTES = 100 * 1024**2
# Files of the template by their path in the project.
_FILES = {
    "README.md": "README.md.txt",
    "requirements.txt": "requirements.txt.txt",
    ".gitignore": "gitignore.txt",
    ".github/workflows/ci.yml": "ci.yml.txt",
    "pipeline.py": "pipeline.py.txt",
    "tests/test_project.py": "test_project.py.txt",
}


@dataclass(frozen=True)
class Project:
    """A new project.

    Attributes:
        folder: Where it is.
        target: The column that its model predicts.
        notes: What the inference of the contract assumed.
    """

    folder: Path
    target: str
    notes: tuple[Note, ...]


def create_project(name: str, *, parent: Path, table: Path | None = None, target: str = "") -> Project:
    """Create the folder ``parent/name``, whole or not at all.

    Args:
        name: Name of the project, of its pipeline and of its model: lower-case letters, digits and dashes.
        parent: Folder in which it is created.
        table: File with a table of at most 100 MB, which is copied; by default one is made up.
        target: Column to predict; needed with ``table``.

    Raises:
        InputError: If Kubernetes would not take the name, the folder exists, or table and target do not fit.
        MissingError: If the table does not exist.
        DataError: If the table cannot be read.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"the name of a project must be at most 40 lower-case letters, digits and dashes, and begin with a letter; "
            f"got {quote(name)}."
        )
    folder = parent / name
    if folder.exists():
        raise InputError(f"{folder} exists; choose another name, or another folder.")
    _check_table(table, target)
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=parent) as scratch:
        made = Path(scratch) / name
        place = made / "data" / ("table.csv" if table is None else _file_name(table))
        if table is None:
            write_text(place, example_table())
        else:
            place.parent.mkdir(parents=True)
            shutil.copyfile(table, place)
        target = target or TARGET
        inferred = _infer(place, name=name, target=target)
        write_text(made / "contract.yaml", dump(inferred.contract))
        _write_files(
            made,
            {"NAME": name, "TABLE": place.name, "TARGET": " ".join(target.split()), "TARGET_LITERAL": repr(target)},
        )
        _compile(made)
        made.rename(folder)
    return Project(folder, target, inferred.notes)


def _check_table(table: Path | None, target: str) -> None:
    if (table is None) != (not target):
        raise InputError("a table and the column to predict belong together: name both, or neither.")
    if table is None:
        return
    if not table.is_file():
        raise MissingError(f"{table} must be a file with a table; there is none.")
    if table.stat().st_size > _MOST_BYTES:
        raise InputError(
            f"{table} must have at most {_MOST_BYTES // 1024**2} MB to be copied into a project; it has "
            f"{table.stat().st_size // 1024**2} MB: give a sample of it, and name the whole one when the pipeline runs."
        )


def _file_name(table: Path) -> str:
    """The table's own name where it is safe in a command line, else ``table`` with its ending."""
    return table.name if _PLAIN.fullmatch(table.name) else f"table{''.join(table.suffixes[-2:])}"


def _infer(table: Path, *, name: str, target: str) -> InferredContract:
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "table"
        facts = ingest_table(open_source(str(table)), folder=folder)
        inferred = infer_with_notes(folder, name=name, target=target, hints=ContractHints())
    return InferredContract(inferred.contract, (*from_json(facts.get("notes", [])), *inferred.notes))


def _write_files(folder: Path, values: dict[str, str]) -> None:
    values = {**values, "VERSION": version("headrace")}
    for path, source in _FILES.items():
        text = (files("headrace.project_template") / "files" / source).read_text(encoding="utf-8")
        write_text(folder / path, _PLACE.sub(lambda place: values[place[1]], text))


def _compile(folder: Path) -> None:
    command = [sys.executable, "pipeline.py", "compile", "--output", "pipeline.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InternalError(f"the new project's pipeline.py must compile; {done.stderr.strip()[-300:]}")
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
