"""Wheels that pip takes, with nothing in them."""

import zipfile
from collections.abc import Iterable
from pathlib import Path


def made_wheel(
    folder: Path, name: str = "made_up", *, version: str = "1.0", tag: str = "py3-none-any", facts: Iterable[str] = ()
) -> Path:
    """Write an empty wheel.

    Args:
        folder: Where to; made if missing.
        name: Its name, as wheels spell it.
        version: Its version.
        tag: What it runs on.
        facts: Further lines of its metadata.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, place = folder / f"{name}-{version}-{tag}.whl", f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *facts]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{place}/METADATA", "\n".join(metadata) + "\n")
        archive.writestr(f"{place}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{place}/RECORD", "")
    return path
