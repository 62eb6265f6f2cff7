"""Files are written whole, or not at all."""

from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.base.files import write_text


def test_a_folder_in_the_place_of_a_file_is_one_sentence(tmp_path: Path) -> None:
    """Nothing is written beside it."""
    with pytest.raises(InputError, match="must be a file to write; it is a folder"):
        write_text(tmp_path, "text")
    assert not list(tmp_path.iterdir())
