"""Bad input is normal input: one sentence, exit code 2, nothing changed, no traceback."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.core.runtime.processes import free_port
from tests.conftest import headrace, write_table

_ROWS = "\n".join(f"{i},{i % 7},{'ab'[i % 2]}" for i in range(60))


def _write(text: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


BAD_TABLES: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (lambda _: None, "t.csv"),
    "empty": (_write(""), "empty"),
    "header only": (_write("a,b,y\n"), "row"),
    "binary": (_write(bytes(range(256)) * 40), "t.csv"),
    "truncated gzip": (lambda path: path.write_bytes(gzip.compress(f"a,b,y\n{_ROWS}".encode())[:-40]) and None, "gzip"),
    "ragged": (_write(f"a,b,y\n{_ROWS}\n1,2\n"), "62"),
    "duplicate names": (_write(f"a,a,y\n{_ROWS}\n"), "'a'"),
    "absent target": (_write(f"a,b,z\n{_ROWS}\n"), "'y'"),
    "constant target": (_write("a,b,y\n" + "\n".join(f"{i},{i % 3},same" for i in range(60))), "'y'"),
    "all missing target": (_write("a,b,y\n" + "\n".join(f"{i},{i % 3}," for i in range(60))), "'y'"),
    "few rows": (_write("a,b,y\n1,2,a\n2,3,b\n3,4,a\n"), "row"),
    "one row of one class": (
        _write("a,b,y\n" + "\n".join(f"{i},{i % 3},{'b' if i == 7 else 'a'}" for i in range(60))),
        "b",
    ),
    "no features": (_write("y\n" + "\n".join("ab"[i % 2] for i in range(60))), "column"),
    "10,000 columns": (
        _write(
            ",".join(f"c{i}" for i in range(10_000))
            + ",y\n"
            + "\n".join(",".join("1" * 10_000) + ",a" for _ in range(3))
        ),
        "10,00",
    ),
    "50 MB field": (_write("a,b,y\n1,2,a\n" + "x" * 50_000_000 + ",2,a\n" + _ROWS), "MB"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_a_bad_table_ends_in_one_sentence(kind: str, tmp_path: Path) -> None:
    """The sentence names the thing; the summary tells of the failure; no result is left."""
    write, says = BAD_TABLES[kind]
    table, home, told = tmp_path / "t.csv", tmp_path / "out", tmp_path / "summary.json"
    write(table)
    ended = headrace("run", str(table), "--target", "y", "--output", str(home), "--summary", str(told))
    assert ended.returncode == 2, ended.stderr
    _one_sentence(ended.stderr, says)
    summary = json.loads(told.read_text())
    assert summary["status"] == "failed"
    assert says in summary["error"]
    assert not (home / "summary.json").exists()
    assert not (home / "bundle").exists()


def _one_sentence(text: str, says: str) -> None:
    assert "Traceback" not in text
    assert says in text
    assert len(text.strip().splitlines()) == 1, text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--task", "magic"], "--task must be binary, multiclass, regression or anomaly; got 'magic'"),
        (["--budget", "soon"], "--budget must be"),
        (["--test-size", "1.5"], "--test-size must be"),
        (["--metric-bound", "roc_auc"], "--metric-bound must be METRIC=NUMBER"),
        (["--families", "oracle"], "oracle"),
        (["--id-column", "nowhere"], "nowhere"),
        (["--drop-column", "nowhere"], "nowhere"),
        (["--slice", "nowhere"], "nowhere"),
        (["--time-column", "plan"], "plan"),
        (["--champion", "nowhere"], "nowhere"),
        (["--contract", "nowhere.yaml"], "nowhere.yaml"),
        (["--country", "Atlantis"], "Atlantis"),
        (["--encoding", "klingon"], "klingon"),
        (["--delimiter", "::"], "::"),
        (["--positive", "perhaps"], "perhaps"),
        (["--folds", "1"], "folds"),
    ],
)
def test_a_bad_option_ends_in_one_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    """A wrong option is the user's mistake, and said so."""
    table = write_table(tmp_path / "customers.csv", rows=120)
    home = tmp_path / "out"
    least = ["--target", "churn", "--families", "logistic", "--budget", "1"]
    ended = headrace("run", str(table), *least, "--output", str(home), *arguments)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    _one_sentence(ended.stderr, says)


def test_a_store_that_is_down_is_named(tmp_path: Path) -> None:
    """The endpoint of the store is said, its keys are not."""
    table = write_table(tmp_path / "customers.csv", rows=120)
    endpoint = f"http://127.0.0.1:{free_port()}"
    keys = {"HEADRACE_S3_ENDPOINT": endpoint, "HEADRACE_S3_ACCESS_KEY": "AKIAX", "HEADRACE_S3_SECRET_KEY": "sesame"}
    home = tmp_path / "out"
    ended = headrace("run", str(table), "--target", "churn", "--budget", "2", "--output", str(home), **keys)
    assert ended.returncode == 2
    _one_sentence(ended.stderr, endpoint)
    assert "sesame" not in ended.stdout + ended.stderr
    assert "sesame" not in "".join(path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())


def test_odd_names_go_through_the_whole_line(tmp_path: Path) -> None:
    """Quotes, newlines, emoji and what the local runner rewrites are names like any other."""
    names = ['"quoted"', '"a\nb"', '"🌊"', '"{{$}}"', '"{{$.inputs}}"', '"python3"', '"it\'s ""so"""', '"<script>"']
    folder = tmp_path / "a python3 {{$}} folder"
    folder.mkdir()
    table = folder / "odd 'names' 🌊.csv"
    rows = [",".join(str((i * k) % 17 + (i % 2) * 5) for k in range(2, 10)) + f",{'ab'[i % 2]}" for i in range(160)]
    table.write_text(",".join([*names, '"what is {{$}} python3?"']) + "\n" + "\n".join(rows))
    home = tmp_path / "out"
    target = "what is {{$}} python3?"
    ended = headrace("run", str(table), "--target", target, "--budget", "2", "--output", str(home), "--slice", "{{$}}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    contract = (home / "contract.yaml").read_text()
    assert "{{$.inputs}}" in contract
    provenance = json.loads((home / "bundle" / "provenance.json").read_text())
    assert table.name in json.dumps(provenance, ensure_ascii=False)
