"""The folder of a demonstration, which only an earlier one of its kind may be in."""

import shutil
from pathlib import Path

from headrace.core.base.errors import InputError


def check_demo_folder(home: Path, table: Path) -> None:
    """Raise if a path is that of a file, or of a folder that holds something else than a demonstration.

    Args:
        home: The folder.
        table: The table that each demonstration of its kind writes there first.

    Raises:
        InputError: If so.
    """
    place = next(one for one in (home, *home.parents) if one.exists())
    if not place.is_dir():
        raise InputError(f"the demonstration must have a folder of its own; {place} is a file.")
    if home.exists() and any(home.iterdir()) and not table.exists():
        raise InputError(f"the folder of the demonstration must be new, or an earlier one's; {home} holds other files.")


def clear_demo_folder(home: Path, table: Path) -> None:
    """Make a folder for a demonstration; an earlier one in it is deleted.

    Args:
        home: The folder.
        table: As in ``check_demo_folder``.

    Raises:
        InputError: If it is a file, or holds something else.
    """
    check_demo_folder(home, table)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
