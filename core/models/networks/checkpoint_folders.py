"""Folders of checkpoints: of this account only, by the digest of the fit, and removed when they are old."""

import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from headrace.core.base import settings
from headrace.core.base.errors import InputError

COMPILED = "compiled"
"""Folder beside them with what JAX compiled, for fits of the same network: compiling takes longer than many fits."""
_OLD_SECONDS = 14 * 24 * 3600.0
_DIGITS = 32


def checkpoint_folder(digest: str) -> Path:
    """Return the folder of a fit's checkpoint; it exists, and only this account can open it.

    Args:
        digest: SHA-256 of the fit.

    Raises:
        InputError: If the folder of all checkpoints cannot be used, or is another account's.
    """
    return _folder(digest[:_DIGITS])


def compiled_folder() -> Path:
    """Return the folder for what JAX compiles; see ``checkpoint_folder``."""
    return _folder(COMPILED)


def _folder(name: str) -> Path:
    parent = Path(settings.checkpoints() or Path(tempfile.gettempdir()) / f"headrace-checkpoints-{os.getuid()}")
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = parent.lstat()
        # What lies there becomes weights of a model, and code that runs.
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise InputError(
                f"checkpoints must lie in a folder that only this account can write; {parent} is another one: set "
                "HEADRACE_CHECKPOINTS."
            )
        _remove_old(parent)
        (parent / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"checkpoints must be written to {parent}; {error}: set HEADRACE_CHECKPOINTS.") from error
    return parent / name


def _remove_old(parent: Path) -> None:
    for folder in (*parent.iterdir(), *(parent / COMPILED).glob("*")):
        try:
            is_old = time.time() - folder.stat().st_mtime > _OLD_SECONDS
        except FileNotFoundError:  # another process ended its fit
            continue
        if is_old and folder.parent.name == COMPILED:
            folder.unlink(missing_ok=True)
        elif is_old and len(folder.name) == _DIGITS:
            shutil.rmtree(folder, ignore_errors=True)
