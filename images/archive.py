"""Everything that a cluster without the Internet needs, in one file: ``make archive``, or ``python -m images.archive``.

::

    headrace-VERSION/
      SHA256SUMS      of every other file, for ``sha256sum --check``
      images.txt      the images that the manifests run, one a line
      images/         each of them as ``docker load`` takes it
      wheels/         the suite and all that it stands on, with ``requirements.lock``
      manifests/      each overlay, ready to be applied
      pipelines/      each pipeline, ready to be uploaded
"""

import argparse
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from headrace.cluster.api import yaml_documents
from headrace.cluster.install import manifests
from headrace.components.base import IMAGE
from headrace.core.base.errors import HeadraceError, InputError, UserError
from headrace.core.base.files import sha256, write_text
from headrace.kustomize import OVERLAYS
from images.build import image_name, prepare_build, run_engine
from images.wheels import REPOSITORY

EXAMPLES = """
Examples:

  make archive                          (the images of all overlays; the engine pulls what it does not have)

  python -m images.archive --overlay local --output /media/stick/headrace.tar

  python -m images.archive --own-image  (the others are only listed)
"""
SUMS = "SHA256SUMS"


def wanted_images(overlays: Sequence[str]) -> list[str]:
    """The images that the manifests of some overlays run, the suite's own among them, each once.

    Raises:
        InputError: If there is no such overlay.
    """
    named = (manifests.images(manifests.render(manifests.InstallOptions(overlay))) for overlay in overlays)
    return sorted({IMAGE, *(name for names in named for name in names)})


def archive(path: Path, *, overlays: Sequence[str] = OVERLAYS, engine: str = "docker", own: bool = False) -> Path:
    """Write the archive; it is whole or absent.

    Args:
        path: Where it is to lie.
        overlays: Ways to install whose images and manifests go in.
        engine: Command of the container engine.
        own: Whether only the suite's own image goes in, and the others are only listed.

    Raises:
        InputError: If there is no such overlay, no engine answers, or an image is not there and cannot be pulled.
        InternalError: If a wheel cannot be had.
    """
    names = wanted_images(overlays)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
        root = Path(scratch) / image_name().rpartition("/")[2].replace(":", "-")
        _texts(root, names, overlays)
        _images(root / "images", [IMAGE] if own else names, engine)
        _wheels(root / "wheels")
        files = sorted(one for one in root.rglob("*") if one.is_file())
        write_text(root / SUMS, "".join(f"{sha256(one)}  {one.relative_to(root)}\n" for one in files))
        part = Path(scratch) / path.name
        with tarfile.open(part, "w") as tar:
            for one in (root / SUMS, *files):
                tar.add(one, f"{root.name}/{one.relative_to(root)}", filter=_plain)
        part.replace(path)
    return path


def _texts(root: Path, names: Iterable[str], overlays: Iterable[str]) -> None:
    """What is read: the list of images, the manifests and the pipelines."""
    write_text(root / "images.txt", "".join(f"{name}\n" for name in names))
    for overlay in overlays:
        documents = manifests.render(manifests.InstallOptions(overlay))
        write_text(root / "manifests" / f"{overlay}.yaml", yaml_documents.dump_all(documents))
    (root / "pipelines").mkdir()
    for compiled in (REPOSITORY / "pipelines" / "compiled").glob("*.yaml"):
        shutil.copyfile(compiled, root / "pipelines" / compiled.name)


def _images(folder: Path, names: Iterable[str], engine: str) -> None:
    """Each image as a file."""
    folder.mkdir()
    for name in names:
        if name not in run_engine(engine, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
            print(f"Pulling {name}...", flush=True)
            _had(name, engine)
        print(f"Image {name}...", flush=True)
        run_engine(engine, "save", "--output", str(folder / f"{name.replace('/', '_').replace(':', '_')}.tar"), name)


def _had(name: str, engine: str) -> None:
    """Pull an image.

    Raises:
        InputError: If it cannot be pulled.
    """
    if name == IMAGE:
        raise InputError(f"{name} must be built before it is archived; run `make image` first.")
    try:
        run_engine(engine, "pull", name)
    except InputError as error:
        raise InputError(
            f"{name} is not here and cannot be pulled ({error}); bring it to this engine, leave its overlay out with "
            "--overlay, or list it only with --own-image."
        ) from error


def _wheels(folder: Path) -> None:
    """The wheels, and one lock over all of them."""
    context, locks = prepare_build(), []
    folder.mkdir()
    for part in ("wheels", "own"):
        for wheel in sorted((context / part).glob("*.whl")):
            shutil.copyfile(wheel, folder / wheel.name)
        lines = (context / part / f"{part}.lock").read_text(encoding="utf-8").splitlines(keepends=True)
        locks += [line for line in lines if not line.startswith("#")]
    write_text(folder / "requirements.lock", "".join(sorted(locks)))


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An entry that tells nothing of who made it and when."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def main() -> int:
    """Archive what the arguments say, and print what to do with it."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description="Archive all that is needed.", epilog=EXAMPLES, formatter_class=form)
    parser.add_argument("--overlay", action="append", help="a way to install; repeatable (default: all)")
    parser.add_argument("--own-image", action="store_true", help="put in the suite's image, and list the others")
    parser.add_argument("--engine", default="docker", help="command of the container engine (default: docker)")
    parser.add_argument("--output", type=Path, help="the file (default: build/headrace-python-VERSION-archive.tar)")
    given = parser.parse_args()
    usual = REPOSITORY / "build" / f"{image_name().rpartition('/')[2].replace(':', '-')}-archive.tar"
    path = given.output or usual
    try:
        archive(path, overlays=given.overlay or OVERLAYS, engine=given.engine, own=given.own_image)
    except HeadraceError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    print(f"{path}: {path.stat().st_size / 1e6:,.0f} MB.\n")
    print(
        f"Next, where there is no Internet: tar xf {path.name}, then docs/guides/kubernetes.md, Without the Internet."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
