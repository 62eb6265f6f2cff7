"""Files are written whole, or not at all."""

import os
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.base.files import write_text


def test_a_folder_in_the_place_of_a_file_is_one_sentence(tmp_path: Path) -> None:
    """Nothing is written beside it."""
    with pytest.raises(InputError, match="must be a file to write; it is a folder"):
        write_text(tmp_path, "text")
    assert not list(tmp_path.iterdir())


def test_a_device_or_a_pipe_in_the_place_of_a_file_stays_what_it_is(tmp_path: Path) -> None:
    """A rename would put a file in its place: for root, in that of /dev/null, which all programs write to."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/null")):
        with pytest.raises(InputError, match=r"must be a file to write; it is a device or a pipe: name a file\."):
            write_text(path, "x")
        assert not path.is_file()
    assert list(tmp_path.iterdir()) == [pipe]
