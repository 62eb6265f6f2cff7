"""Build the suite's image from its locked wheels: ``make image``, or ``python -m images.build``.

Its name is ``headrace/headrace-python``, its tag the package's version; with an extra, ``VERSION-EXTRA``.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from headrace.components.base import IMAGE
from headrace.core.base.errors import HeadraceError, InputError, InternalError, UserError
from images.wheels import MACHINES, REPOSITORY, locked_wheels, own_wheel

EXTRAS = ("explain",)
EXAMPLES = """
Examples:

  make image

  make image EXTRA=explain

  python -m images.build --architecture arm64 -- --no-cache
"""
_UNDATED = 315_532_800  # 1980, the first moment that a wheel can tell


def image_name(extra: str = "") -> str:
    """Name and tag of the image that holds ``extra``.

    Raises:
        InputError: If there is no such extra.
    """
    if extra and extra not in EXTRAS:
        raise InputError(f"the extra must be empty or one of {', '.join(EXTRAS)}; got {extra!r} instead.")
    return f"{IMAGE}-{extra}" if extra else IMAGE


def lock_of(extra: str = "") -> Path:
    """The lock of everything that the image holds beside the suite itself."""
    return REPOSITORY / "requirements" / (f"image-{extra}.lock" if extra else "image.lock")


def context_of(extra: str = "") -> Path:
    """The folder that the image is built from."""
    return REPOSITORY / "build" / "image" / (extra or "plain")


def prepare_build(extra: str = "", *, architecture: str = "") -> Path:
    """The folder that the image is built from, with all wheels in it.

    Raises:
        InputError: If there is no such architecture.
        InternalError: If pip fails.
    """
    lock, context = lock_of(extra), context_of(extra)
    print(f"Wheels of {lock.name}, into {context.relative_to(REPOSITORY)} (a minute the first time)...", flush=True)
    locked_wheels(lock, context, architecture=architecture or _this_machine())
    own_wheel(context, epoch=str(commit_time()))
    return context


def build(
    *, extra: str = "", name: str = "", engine: str = "docker", architecture: str = "", options: Sequence[str] = ()
) -> str:
    """Build the image, and give its name.

    Args:
        extra: Optional dependencies that it holds beside those of every image; empty for none.
        name: Name and tag; empty for the suite's own.
        engine: Command of the container engine.
        architecture: ``amd64`` or ``arm64``; empty for this machine's.
        options: Further options for the engine's ``build``.

    Raises:
        InputError: If there is no such extra or architecture, or no engine answers.
        InternalError: If pip or the engine fails.
    """
    name = name or image_name(extra)
    run_engine(engine, "version")
    build_image(
        prepare_build(extra, architecture=architecture), name, engine=engine, architecture=architecture, options=options
    )
    return name


def build_image(
    context: Path, name: str, *, engine: str = "docker", architecture: str = "", options: Sequence[str] = ()
) -> None:
    """Have the engine build an image from a prepared folder.

    Args:
        context: The folder.
        name: Name and tag.
        engine: Command of the container engine.
        architecture: ``amd64`` or ``arm64``; empty for this machine's.
        options: Further options for the engine's ``build``.

    Raises:
        InternalError: If the engine fails.
    """
    epoch = commit_time()
    facts = {
        "SOURCE_DATE_EPOCH": epoch,
        "VERSION": name.rpartition(":")[2],
        "REVISION": _git("rev-parse", "HEAD"),
        "CREATED": datetime.fromtimestamp(epoch, UTC).isoformat(),
    }
    arguments = [part for key, value in facts.items() for part in ("--build-arg", f"{key}={value}")]
    arguments += ["--platform", f"linux/{architecture}"] if architecture else []
    command = [engine, "build", "--file", str(REPOSITORY / "images" / "Containerfile"), "--tag", name]
    if subprocess.run([*command, *arguments, *options, str(context)], check=False).returncode:
        raise InternalError(f"{engine} build failed; the lines above tell why, docs/guides/image.md what it needs.")


def run_engine(engine: str, *arguments: str) -> str:
    """What the engine answers.

    Raises:
        InputError: If there is none, or it does not answer.
    """
    try:
        ended = subprocess.run([engine, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise InputError(
            f"an image is built by a container engine, and there is no command {engine!r}: install Docker (Debian: "
            "docker.io), or name another engine with --engine."
        ) from error
    if ended.returncode:
        reason = (ended.stderr.strip() or ended.stdout.strip() or f"exit code {ended.returncode}").splitlines()[-1]
        raise InputError(f"{engine} must answer {arguments[0]!r}; it says: {reason}")
    return ended.stdout.strip()


def commit_time() -> int:
    """Seconds since 1970 that the suite's files carry: ``SOURCE_DATE_EPOCH`` if set, else the last commit's."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct") or _UNDATED)


def _git(*arguments: str) -> str:
    """What git says of this repository; empty outside of one."""
    ended = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else ""


def _this_machine() -> str:
    machine = platform.machine().lower()
    return next((name for name, other in MACHINES.items() if machine in {name, other}), machine)


def main() -> int:
    """Build what the arguments say, and print what to do with it."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description="Build the suite's image.", epilog=EXAMPLES, formatter_class=form)
    parser.add_argument("--extra", default="", help=f"optional dependencies that it holds too: {', '.join(EXTRAS)}")
    parser.add_argument("--engine", default="docker", help="command of the container engine (default: docker)")
    parser.add_argument("--architecture", default="", help="amd64 or arm64 (default: this machine's)")
    parser.add_argument("options", nargs="*", metavar="-- OPTION", help="options for the engine's build")
    given = parser.parse_args()
    try:
        name = build(extra=given.extra, engine=given.engine, architecture=given.architecture, options=given.options)
        size = int(run_engine(given.engine, "image", "inspect", name, "--format", "{{.Size}}"))
    except HeadraceError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    print(f"{name} is built: {size / 1e6:,.0f} MB.\n")
    print(f"Next: {given.engine} run --rm {name} headrace --help")
    return 0


if __name__ == "__main__":
    sys.exit(main())
