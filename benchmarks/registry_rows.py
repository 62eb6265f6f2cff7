"""Fills a registry with many versions by rows: those that real calls have written, once for each version.

A small template is made by real calls: a model of which the first version is registered, the second too, which enters
production, and a third. Every further model and version is a copy of the template's rows under names of its own.
``compare_with_calls`` shows that this gives the rows that the calls themselves would have given.
"""

import hashlib
import json
import re
import shutil
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.events import JournalEntry

sys.path.append(str(Path(__file__).parents[1]))

from tests.made_bundle import copy_bundle
from tests.registry.made import variant

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
TEMPLATE = "template-of-rows"
_HEX = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{12}|[0-9a-f]{8})(?![0-9a-f])")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00|1[67]\d{11}")
# A version's rows: those of its run (by the run's id), of its logged model and its inputs, and of its number.
_BY_RUN = {"runs": 0, "latest_metrics": 5, "metrics": 3, "tags": 2, "params": 2}
_BY_MODEL = {"logged_models": 0, "logged_model_metrics": 0, "logged_model_tags": 0, "logged_model_params": 0}


def register_by_calls(path: Path, models: Mapping[str, int], *, bundle: Path, scratch: Path) -> None:
    """Register versions by real calls; the second one of each model enters production.

    Args:
        path: The registry's file.
        models: Number of versions by model.
        bundle: A bundle.
        scratch: Folder for its variants.
    """
    registry = open_registry(str(path))
    for name, versions in models.items():
        for number in range(1, versions + 1):
            folder = scratch / f"{name}-{number}"
            registry.register(variant(bundle, folder, name=name, mark=f"{name} {number}"), by="ann")
            shutil.rmtree(folder)
            if number == 2:
                registry.promote(name, "2", stage="production", by="bea", reason="better")


def register_by_rows(path: Path, models: Mapping[str, int], *, bundle: Path, scratch: Path) -> None:
    """Register as many versions by copies of rows.

    Args:
        path: The registry's file; it must not exist.
        models: Number of versions by model, at least 3 each.
        bundle: A bundle.
        scratch: Folder for its variants.
    """
    register_by_calls(path, {TEMPLATE: 3}, bundle=bundle, scratch=scratch)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    template = _Template(connection)
    for place, (name, versions) in enumerate(models.items()):
        experiment = template.experiment if place == 0 else template.experiment + place
        for table, rows in template.copies(name, versions, experiment).items():
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608 - names of MLflow's
    connection.commit()
    connection.execute("ANALYZE")
    connection.close()


class _Template:
    """The rows of the template, taken out of the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows: Rows = {table: connection.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}  # noqa: S608
        self.experiment = next(row[0] for row in rows["experiments"] if row[1] == f"headrace/{TEMPLATE}")
        self.journal = next(
            row[1] for row in rows["experiment_tags"] if row[2] == self.experiment and row[0] == "headrace.journal"
        )
        entries = sorted((row for row in rows["params"] if row[2] == self.journal), key=lambda row: row[0])
        self.entries = [json.loads(row[1]) for row in entries]
        self.facts = [entry for entry in self.entries if entry["action"] == "register"]
        self.versions = [self._of_version(rows, number + 1, entry["facts"]) for number, entry in enumerate(self.facts)]
        self.model: Rows = {
            "experiments": [row for row in rows["experiments"] if row[0] == self.experiment],
            "experiment_tags": [row for row in rows["experiment_tags"] if row[2] == self.experiment],
            "datasets": [row for row in rows["datasets"] if row[1] == self.experiment],
            "registered_models": rows["registered_models"],
            "registered_model_tags": rows["registered_model_tags"],
            "registered_model_aliases": rows["registered_model_aliases"],
            "runs": [row for row in rows["runs"] if row[0] == self.journal],
            "tags": [row for row in rows["tags"] if row[2] == self.journal],
        }
        taken = [*self.versions, self.model, {"params": entries}]
        connection.execute("PRAGMA foreign_keys = OFF")
        for found in taken:
            for table, its_rows in found.items():
                columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
                where = " AND ".join(f'"{column}" IS ?' for column in columns)
                connection.executemany(f'DELETE FROM "{table}" WHERE {where}', its_rows)  # noqa: S608

    def _of_version(self, rows: Rows, number: int, facts: Mapping[str, Any]) -> Rows:
        run = facts["run"]
        (model,) = (row[0] for row in rows["logged_models"] if row[9] == run)
        inputs = [row for row in rows["inputs"] if run in row]
        ids = {row[0] for row in inputs}
        return {
            **{table: [row for row in rows[table] if row[place] == run] for table, place in _BY_RUN.items()},
            **{table: [row for row in rows[table] if row[place] == model] for table, place in _BY_MODEL.items()},
            "inputs": inputs,
            "input_tags": [row for row in rows["input_tags"] if row[0] in ids],
            "model_versions": [row for row in rows["model_versions"] if row[1] == number],
            "model_version_tags": [row for row in rows["model_version_tags"] if row[3] == number],
        }

    def copies(self, name: str, versions: int, experiment: int) -> Rows:
        """Return the rows of a model with so many versions."""
        copied: Rows = defaultdict(list)
        journal = _hex(f"journal {name}", 32)
        whole = {TEMPLATE: name, self.journal: journal, **self._datasets(name)}
        _add(
            copied,
            self.model,
            texts=whole,
            numbers={"experiments": {0: experiment}, "experiment_tags": {2: experiment}, "datasets": {1: experiment}},
        )
        texts: list[str] = []
        for number in range(1, versions + 1):
            shape = min(number, 3) - 1
            named = {**self._names(name, number, shape), **whole}  # the longer texts first
            by_number = {
                "runs": {12: experiment},
                "logged_models": {1: experiment},
                "logged_model_metrics": {5: experiment},
                "logged_model_tags": {1: experiment},
                "logged_model_params": {1: experiment},
                "model_versions": {1: number},
                "model_version_tags": {3: number},
            }
            _add(copied, self.versions[shape], texts=named, numbers=by_number)
            _append(texts, self.facts[shape], named, version=number)
            if number == 2:
                for entry in self.entries[2:-1]:
                    _append(texts, entry, named, version=2)
        copied["params"] += [(f"{number:08d}", text, journal) for number, text in enumerate(texts, start=1)]
        return {table: rows for table, rows in copied.items() if rows}

    def _datasets(self, name: str) -> dict[str, str]:
        return {row[0]: _hex(f"dataset {name} {place}", 32) for place, row in enumerate(self.model["datasets"])}

    def _names(self, name: str, number: int, shape: int) -> dict[str, str]:
        """Return what is written in the place of what identifies a version of the template."""
        facts, rows = self.facts[shape]["facts"], self.versions[shape]
        digest = _hex(f"{name} {number}", 64)
        inputs = {row[0]: _hex(f"input {name} {number} {place}", 32) for place, row in enumerate(rows["inputs"])}
        return {
            facts["digest"]: digest,
            facts["digest"][:12]: digest[:12],
            facts["digest"][:8]: digest[:8],
            facts["run"]: _hex(f"run {name} {number}", 32),
            rows["logged_models"][0][0]: f"m-{_hex(f'model {name} {number}', 32)}",
            f"{facts['version']}+": f"1.0.{number - 1}+",
            f'"version": "{facts["version"]}"': f'"version": "1.0.{number - 1}"',
            f"headrace {TEMPLATE} {shape + 1}": f"headrace {name} {number}",
            **inputs,
        }


def _add(copied: Rows, rows: Rows, *, texts: Mapping[str, str], numbers: Mapping[str, Mapping[int, int]]) -> None:
    """Add rows under other names: texts replaced in all columns, numbers put into some."""
    for table, its_rows in rows.items():
        places = numbers.get(table, {})
        for row in its_rows:
            copied[table].append(
                tuple(
                    places[place] if place in places else _replace(value, texts) if isinstance(value, str) else value
                    for place, value in enumerate(row)
                )
            )


def _replace(text: str, texts: Mapping[str, str]) -> str:
    for old, new in texts.items():
        text = text.replace(old, new)
    return text


def _append(texts: list[str], entry: Mapping[str, Any], named: Mapping[str, str], *, version: int) -> None:
    """Append an entry to a journal in the way of the registry."""
    plain = json.loads(_replace(json.dumps(entry), named))
    del plain["format"]
    plain |= {"version": version, "id": _hex(f"entry {texts[-1] if texts else named[TEMPLATE]}", 32)}
    texts.append(JournalEntry(**plain).after(texts).text())


def _hex(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def compare_with_calls(scratch: Path) -> int:
    """Raise unless copies of rows and real calls give the same registry, but for ids, digests and times.

    Returns:
        The number of rows compared.

    Raises:
        ValueError: If they do not.
    """
    models = {"first": 3, "second": 4}
    bundle = copy_bundle(scratch / "made").folder
    found = []
    for kind, fill in (("calls", register_by_calls), ("rows", register_by_rows)):
        home = scratch / kind
        home.mkdir()
        fill(home / "registry.db", models, bundle=bundle, scratch=scratch)
        found.append(_content(home / "registry.db"))
    by_calls, by_rows = found
    for table in by_calls.keys() | by_rows.keys():
        if by_calls.get(table) != by_rows.get(table):
            raise ValueError((table, _differing(by_calls.get(table, ()), by_rows.get(table, ()))))
    return sum(map(len, by_calls.values()))


def _differing(first: Sequence[Row], second: Sequence[Row]) -> list[Any]:
    return [
        *[row for row in first if row not in second][:2],
        "instead of",
        *[row for row in second if row not in first][:2],
    ]


def _content(path: Path) -> dict[str, list[Row]]:
    """Return a database's rows without times, and with a word for each id and digest; its references must hold."""
    connection = sqlite3.connect(path)
    if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
        raise ValueError(broken)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    content = {}
    for table in set(tables) - {"sqlite_stat1"}:
        rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608
        content[table] = sorted((tuple(_plain(value, path.parent) for value in row) for row in rows), key=str)
    connection.close()
    if sum(len(state.versions) for state in open_registry(str(path)).models()) != len(content["model_versions"]):
        raise ValueError(path)
    return {table: rows for table, rows in content.items() if rows}


def _plain(value: Any, home: Path) -> Any:
    if isinstance(value, int):
        return "TIME" if _TIME.fullmatch(str(value)) else value
    return _TIME.sub("TIME", _HEX.sub("HEX", value)).replace(str(home), "HOME") if isinstance(value, str) else value
