"""Property tests of the default run are the same every time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.properties import examples

_DRAW = """
import hashlib, importlib, sys
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import properties
properties.register()
settings.load_profile(sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
drawn = hashlib.sha256()
@settings(max_examples=50)
@given(st.tuples(st.integers(), st.floats(), st.text(), st.binary()))
def draw(values):
    drawn.update(ascii(values).encode())
draw()
print(drawn.hexdigest())
"""


def _drawn(profile: str, *modules: str, seed: str = "0", folder: Path) -> str:
    """A digest of the examples that a process draws which has imported some modules."""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])}
    program = folder / "drawing.py"
    program.write_text(_DRAW)
    command = [sys.executable, str(program), profile, *modules]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_same_examples_are_tried_whatever_else_is_imported(tmp_path: Path) -> None:
    """And whatever the folder and the order of sets; a search at random tries others each time."""
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    there.mkdir()
    elsewhere.mkdir()
    first = _drawn("default", folder=there)
    assert (
        _drawn(
            "default",
            "headrace.core.contracts.casting",
            "headrace.core.validation.row_digest",
            seed="5",
            folder=elsewhere,
        )
        == first
    )
    assert _drawn("random", folder=there) != _drawn("random", folder=there)
    assert not (there / ".hypothesis" / "examples").exists()


@pytest.mark.skipif(not settings().derandomize, reason="a search at random is wanted")
def test_no_property_fails_for_being_slow_or_for_what_was_found_elsewhere() -> None:
    """No deadline and no database, in what is not told otherwise."""
    for told in (settings(), examples(7)):
        assert (told.derandomize, told.database, told.deadline) == (True, None, None)
    assert (settings().max_examples, examples(7).max_examples) == (100, 7)
