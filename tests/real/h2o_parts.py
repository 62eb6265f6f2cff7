"""H2O for tests that fit models: the package of its environment, beside the tests' own packages."""

import importlib
import sys
from pathlib import Path

from headrace.core.mojo.mojo_description import H2O_VERSION
from tests.jvm.java_parts import library
from tests.real.peers import environment
from tests.real_parts import alone


def h2o() -> Path:
    """The folder for PYTHONPATH that holds H2O alone; a test without it is skipped, and fails in CI.

    The suite's Java library, which scores what H2O fits, is built too.
    """
    library()
    python = environment("h2o")
    folder = python / "h2o-alone"
    with alone("h2o-alone"):
        if not folder.exists():
            packages = next((python / "lib").glob("python3*/site-packages"))
            part = python / "h2o-alone.part"
            part.mkdir(exist_ok=True)
            for name in ("h2o", f"h2o-{H2O_VERSION}.dist-info"):
                (part / name).unlink(missing_ok=True)
                (part / name).symlink_to(packages / name)
            part.rename(folder)
    return folder


def importable_h2o() -> Path:
    """The same, importable in this process too."""
    folder = h2o()
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    return folder
