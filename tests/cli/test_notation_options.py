"""``--decimal`` and ``--thousands`` at the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.core.base.errors import InputError
from headrace.core.contracts.contract_yaml import parse

ROWS = "a;y\n" + "".join(f"{20 + place}.{100 + place};{'no' if place % 3 else 'yes'}\n" for place in range(60))


@pytest.mark.parametrize(
    ("options", "dtype"), [([], "number"), (["--decimal", ","], "integer"), (["--thousands", "."], "integer")]
)
def test_a_persons_word_decides_what_a_number_is(tmp_path: Path, options: list[str], dtype: str) -> None:
    """20.100 is a decimal as programs write it, and a whole number where the decimal mark is said to be a comma."""
    (tmp_path / "t.csv").write_text(ROWS)
    output = tmp_path / "t.yaml"
    command = ["contract", str(tmp_path / "t.csv"), "--target", "y", "-o", str(output), *options]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    assert parse(output.read_text()).column("a").dtype == dtype


def test_a_mark_that_no_number_has_is_refused(tmp_path: Path) -> None:
    """The sentence names the option and what it may be."""
    (tmp_path / "t.csv").write_text(ROWS)
    with pytest.raises(InputError, match="--decimal must be a dot or a comma; got ';' instead"):
        CliRunner().invoke(app, ["contract", str(tmp_path / "t.csv"), "--decimal", ";"], catch_exceptions=False)
