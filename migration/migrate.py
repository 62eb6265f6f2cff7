"""Migrates files and folders: each is read, converted and checked before any is written."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from headrace.core.base.errors import InputError, MissingError
from headrace.core.base.files import write_text
from headrace.migration.components.compile_component import compile_component
from headrace.migration.components.convert import convert_component
from headrace.migration.components.python_source import component_source
from headrace.migration.components.read_component import OtherFileError, read_component
from headrace.migration.components.yaml_document import MAX_BYTES
from headrace.migration.differences import Migration
from headrace.migration.pipelines.rewrite import rewrite_pipeline
from headrace.migration.pipelines.v1_file import V1File

_MAX_FILES = 20_000
_NOT_SEARCHED = {"__pycache__", "node_modules", "site-packages"}
_COMPONENTS, _PIPELINES = {".yaml", ".yml"}, {".py"}
_MAGIC = {
    b"PK\x03\x04": "a zip archive; a pipeline that the v1 SDK compiled is migrated by its Python file",
    b"\x1f\x8b": "a gzip archive; a pipeline that the v1 SDK compiled is migrated by its Python file",
    b"\x80": "a pickle, which is never opened",
    b"\x00": "a binary file",
}


@dataclass(frozen=True)
class MigrationReport:
    """What became of all files.

    Attributes:
        migrations: The files of v1.
        skipped: Files of folders that are none of v1, with what they are.
        failed: Files of folders that cannot be read, with the reason.
    """

    migrations: tuple[Migration, ...]
    skipped: tuple[tuple[Path, str], ...] = ()
    failed: tuple[tuple[Path, str], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing remains for a person."""
        return not self.failed and all(one.complete for one in self.migrations)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "complete": self.complete,
            "files": [one.as_json() for one in self.migrations],
            "skipped": [{"source": str(path), "reason": reason} for path, reason in self.skipped],
            "failed": [{"source": str(path), "reason": reason} for path, reason in self.failed],
        }


def migrate_files(
    sources: Sequence[Path], *, folder: Path | None = None, overwrites: bool = False, keep_text: bool = False
) -> MigrationReport:
    """Migrate v1 files, and those in folders.

    Args:
        sources: Files, which must be of v1, and folders, in which other files are skipped.
        folder: Where the new files are written; None for beside the old ones, as ``NAME.v2.yaml`` and ``NAME_v2.py``.
        overwrites: Whether files that exist are replaced; without ``folder`` these are the old files.
        keep_text: Whether parameters of components are texts wherever KFP 2 would write them otherwise.

    Raises:
        MissingError: If there is no such file.
        InputError: If a file that was named is none of v1, or a file would be replaced; nothing is written then.
    """
    report = _Results([], [], [])
    for source in sources:
        if not source.exists():
            raise MissingError(f"{source} must be a v1 component or pipeline file, or a folder; there is none.")
        is_folder = source.is_dir()
        for path in _files(source, without=folder) if is_folder else [source]:
            base = path.relative_to(source) if is_folder else Path(path.name)
            migration = (
                _migrate_among(path, report, keep_text=keep_text)
                if is_folder
                else _migrate(path, _read(path), keep_text=keep_text)
            )
            if migration is not None:
                targets = _targets(path, base, folder=folder, overwrites=overwrites)
                files = {targets[key.suffix, migration.form]: text for key, text in migration.files.items()}
                report.migrations.append(replace(migration, files=files))
    _check_targets(report.migrations, overwrites=overwrites)
    for migration in report.migrations:
        for path, text in migration.files.items():
            write_text(path, text)
    return MigrationReport(tuple(report.migrations), tuple(report.skipped), tuple(report.failed))


class _Results(NamedTuple):
    migrations: list[Migration]
    skipped: list[tuple[Path, str]]
    failed: list[tuple[Path, str]]


def _migrate_among(path: Path, report: _Results, *, keep_text: bool) -> Migration | None:
    """Migrate a file of a folder; None if it is none of v1, or broken, which the report says."""
    try:
        data = _read(path)
        if _may_be_v1(path, data):
            return _migrate(path, data, keep_text=keep_text)
        report.skipped.append((path, "it names neither kfp nor an implementation."))
    except OtherFileError as error:
        report.skipped.append((path, str(error)))
    except InputError as error:
        report.failed.append((path, str(error)))
    return None


def _files(folder: Path, *, without: Path | None) -> Iterator[Path]:
    """Yield the YAML and Python files of a folder, without hidden ones and those of environments."""
    count = 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        is_environment = "pyvenv.cfg" in names
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _NOT_SEARCHED
            and not is_environment
            and not _same(here / name, without)
        )
        for name in [] if is_environment else sorted(names):
            if Path(name).suffix.lower() in _COMPONENTS | _PIPELINES and not name.startswith("."):
                count += 1
                if count > _MAX_FILES:
                    raise InputError(
                        f"{folder} must hold at most {_MAX_FILES} YAML and Python files; name the folders of v1 files."
                    )
                yield here / name


def _same(path: Path, other: Path | None) -> bool:
    return other is not None and path.resolve() == other.resolve()


def _may_be_v1(path: Path, data: bytes) -> bool:
    """Whether a file of a folder is worth reading: its faults are reported only then."""
    return (b"kfp" if path.suffix.lower() in _PIPELINES else b"implementation") in data


def _migrate(path: Path, data: bytes, *, keep_text: bool) -> Migration:
    """Migrate one file; the keys of its files have the right suffixes only."""
    suffix = path.suffix.lower()
    if suffix in _COMPONENTS:
        return _migrate_component(path, data, keep_text=keep_text)
    if suffix in _PIPELINES:
        return _migrate_pipeline(path, data)
    raise OtherFileError(
        f"{path} must be a component file (.yaml) or a pipeline (.py); its name ends with {suffix or 'nothing'}."
    )


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise OtherFileError(f"{path} must be a file; it is a device, a pipe or a broken link.")
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    kind = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    if kind:
        raise OtherFileError(f"{path} must be a component file or a pipeline in Python; it is {kind}.")
    if len(data) > MAX_BYTES:
        raise OtherFileError(f"{path} must be a component file or a pipeline of at most 1 MiB; it is larger.")
    return data


def _migrate_component(path: Path, data: bytes, *, keep_text: bool) -> Migration:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OtherFileError(f"{path} must be YAML in UTF-8; byte {error.start} is not.") from error
    component = convert_component(read_component(text, source=str(path)), keep_text=keep_text)
    files = {}
    if component.writable:
        code = component_source(component, source_name=path.name)
        files = {Path(".py"): code, Path(".yaml"): compile_component(component, code, source=str(path))}
        files = {Path(f"component{key.name}"): value for key, value in files.items()}
    return Migration(path, "component", files, component.differences)


def _migrate_pipeline(path: Path, data: bytes) -> Migration:
    file = V1File(data, source=str(path))
    if not file.uses_kfp:
        raise OtherFileError(f"{path} must be a pipeline of the v1 SDK; it does not import kfp.")
    new, differences, rewritten = rewrite_pipeline(file)
    if not differences and not rewritten:
        return Migration(path, "none", {}, ())
    return Migration(path, "pipeline", {Path("pipeline.py"): new.decode()}, differences, rewritten)


def _targets(path: Path, base: Path, *, folder: Path | None, overwrites: bool) -> dict[tuple[str, str], Path]:
    """Return where the new files of a file go, by suffix and form."""
    stem = base.stem.replace(".", "_").replace("-", "_").replace(" ", "_")
    if folder is None and not overwrites:
        place = path.parent
        return {
            (".yaml", "component"): place / f"{base.stem}.v2.yaml",
            (".py", "component"): place / f"{stem}_component_v2.py",
            (".py", "pipeline"): place / f"{stem}_v2.py",
        }
    place = path.parent if folder is None else folder / base.parent
    # The folder of a component often holds a program of the same name.
    return {
        (".yaml", "component"): place / base.name,
        (".py", "component"): place / f"{stem}_component.py",
        (".py", "pipeline"): place / base.name,
    }


def _check_targets(migrations: Iterable[Migration], *, overwrites: bool) -> None:
    writers: dict[Path, Path] = {}
    for migration in migrations:
        for path in migration.files:
            other = writers.setdefault(path.resolve(), migration.source)
            if other != migration.source:
                raise InputError(
                    f"{other} and {migration.source} would both become {path}; migrate them into different folders."
                )
            if path.is_dir():
                raise InputError(f"{path} must be a file to write; it is a folder.")
            if path.exists() and not overwrites:
                raise InputError(f"{path} exists; choose another folder by -o, or replace it by --overwrite.")
