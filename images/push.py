"""Push the suite's image to a registry: ``make push REGISTRY=...``, or ``python -m images.push``.

What is signed and deployed is the digest that the registry answers, not the tag, which can be moved: it is printed, and
written to ``build/IMAGE-VERSION.digest``.
"""

import argparse
import sys
from pathlib import Path

from headrace.core.base.errors import HeadraceError, InputError, InternalError, UserError
from headrace.core.base.files import write_text
from images.build import image_name, run_engine
from images.wheels import REPOSITORY

EXAMPLES = """
Examples:

  make push REGISTRY=registry.example.com/team

  python -m images.push registry.example.com/team --extra explain
"""


def push(name: str, registry: str, *, engine: str = "docker") -> str:
    """Push an image, and give its address by digest.

    Args:
        name: Its name and tag on this machine.
        registry: Host, and path if any, below which it is stored under the same name.
        engine: Command of the container engine.

    Raises:
        InputError: If no registry is named, the image is not there, or the registry refuses it.
        InternalError: If the engine does not know the digest of what it has pushed.
    """
    registry = registry.removesuffix("/")
    if not registry or "://" in registry:
        raise InputError(f"the registry must be a host such as registry.example.com/team; got {registry!r} instead.")
    address = f"{registry}/{name}"
    run_engine(engine, "tag", name, address)
    run_engine(engine, "push", address)
    digests = run_engine(engine, "image", "inspect", address, "--format", r'{{join .RepoDigests "\n"}}').splitlines()
    found = [one for one in digests if one.startswith(f"{address.rpartition(':')[0]}@")]
    if not found:
        raise InternalError(f"{engine} must know the digest of {address} once it is pushed; it knows {digests}.")
    return found[0]


def digest_file(extra: str = "") -> Path:
    """Where the address by digest is written."""
    return REPOSITORY / "build" / f"{image_name(extra).rpartition('/')[2].replace(':', '-')}.digest"


def main() -> int:
    """Push what the arguments say."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description="Push the suite's image.", epilog=EXAMPLES, formatter_class=form)
    parser.add_argument("registry", help="host, and path if any, of the registry that you are logged in to")
    parser.add_argument("--extra", default="", help="what the image holds beside the rest; empty for nothing")
    parser.add_argument("--engine", default="docker", help="command of the container engine (default: docker)")
    given = parser.parse_args()
    try:
        address = push(image_name(given.extra), given.registry, engine=given.engine)
        write_text(digest_file(given.extra), f"{address}\n")
    except HeadraceError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    print(f"Next: cosign sign {address}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
