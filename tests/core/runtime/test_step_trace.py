"""What steps tell of themselves in the metadata of their artifacts."""

from pathlib import Path

import pytest

from headrace.core.runtime.step_trace import add_to_trace, arguments_text, content_digest, first_difference, run_trace


def _folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def test_a_folder_is_its_files(tmp_path: Path) -> None:
    """Names and bytes count; the place does not."""
    first = content_digest(_folder(tmp_path / "a", x="1", y="2"))
    assert content_digest(_folder(tmp_path / "b", y="2", x="1")) == first
    assert content_digest(_folder(tmp_path / "c", x="1", z="2")) != first
    assert content_digest(_folder(tmp_path / "d", x="1", y="3")) != first
    assert content_digest(tmp_path / "a" / "x") != first


def test_each_step_adds_its_digest_to_those_before_it(tmp_path: Path) -> None:
    """A table carries the digests of all steps that it went through."""
    table, valid = _folder(tmp_path / "table", part="1"), _folder(tmp_path / "valid_table", part="2")
    (tmp_path / "checks").write_text("{}")
    one = {"steps": add_to_trace({}, "ingest", str(table)), "rows": 3}
    two = add_to_trace(one, "validate", str(valid), str(tmp_path / "checks"))
    assert list(two) == ["ingest", "validate", "validate.checks"]
    assert two["ingest"] == content_digest(table)
    assert two["validate.checks"] == content_digest(tmp_path / "checks")


def test_a_bundle_tells_arguments_and_digests_in_the_order_of_the_line(tmp_path: Path) -> None:
    """Names of columns come through unharmed, even those that the local runner rewrites."""
    (tmp_path / "model").write_text("m")
    metadata = {
        "split": {"arguments": arguments_text(seed=3), "steps": {"split": "s", "ingest": "i"}},
        "ingest": {"arguments": arguments_text(names=["python3", "{{$.x}}", 'a"b'])},
        "gate": {},
    }
    found = run_trace(metadata, {"train": tmp_path / "model"})
    assert found["arguments"] == {"split": {"seed": 3}, "ingest": {"names": ["python3", "{{$.x}}", 'a"b']}}
    assert list(found["steps"]) == ["ingest", "split", "train"]
    text = arguments_text(names=["python3", "{{$.x}}"])
    assert "python3" not in text
    assert "{{$" not in text


@pytest.mark.parametrize(
    ("found", "step"),
    [
        ({"ingest": "1", "split": "2", "train": "3"}, ""),
        ({"ingest": "1", "split": "2", "train": "9"}, "train"),
        ({"ingest": "1", "split": "9", "train": "9"}, "split"),
        ({"ingest": "1", "train": "9"}, "split"),
        ({"ingest": "1", "split": "2", "split.test_table": "9", "train": "3"}, "split"),
    ],
)
def test_the_first_step_that_differs_is_named(found: dict[str, str], step: str) -> None:
    """In the order of the line, not of the alphabet; a digest that is absent differs."""
    assert first_difference({"train": "3", "ingest": "1", "split": "2"}, found) == step
