"""Java and the suite's Java library, for what runs on the JVM."""

import shutil
from pathlib import Path

from headrace.core.base import settings
from headrace.core.base.errors import MissingError

LIBRARY = "headrace-jvm.jar"
LEAST_VERSION = 17


def find_java(purpose: str) -> str:
    """Return the command ``java``.

    Args:
        purpose: What it is needed for, as in "to score a MOJO of H2O".

    Raises:
        MissingError: If there is none.
    """
    java = shutil.which("java")
    if not java:
        raise MissingError(
            f"Java {LEAST_VERSION} or newer must be installed {purpose}; there is no java in PATH: install a JRE, such "
            f"as Debian's openjdk-{LEAST_VERSION}-jre-headless."
        )
    return java


def find_library(path: Path | None = None, *, purpose: str = "to export a model to the JVM") -> Path:
    """Return the suite's Java library.

    Args:
        path: Where it is; None for the one that ``HEADRACE_JVM_LIBRARY`` names or ``make jvm`` built.
        purpose: What it is needed for.

    Raises:
        MissingError: If there is none.
    """
    path = path or Path(settings.jvm_library() or Path(__file__).resolve().parents[2] / "jvm" / "target" / LIBRARY)
    if not path.is_file():
        raise MissingError(
            f"the suite's Java library must exist {purpose}; there is no {path}: run `make jvm` in Headrace's sources "
            f"(Java 17 and Maven), or set HEADRACE_JVM_LIBRARY to the {LIBRARY} of its release."
        )
    return path
