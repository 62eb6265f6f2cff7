"""Archives in the form of a MOJO, made by hand: enough for what reads them before Java does."""

import io
import zipfile
from typing import Any

from headrace.core.mojo import mojo_archive
from headrace.core.mojo.mojo_description import MojoDescription, MojoInput

INFO = {
    "h2o_version": "3.46.0.11",
    "algo": "gbm",
    "category": "Binomial",
    "supervised": "true",
    "uuid": "-4084212070951514672",
    "timestamp": "2026-11-29T08:27:22.741Z",
}
COLUMNS = "[columns]\nage\nplan\ntarget\n\n[domains]\n1: 2 d000.txt\n2: 2 d001.txt\n"
LEVELS = {"domains/d000.txt": b"c000000\nc000002\n", "domains/d001.txt": b"c000000\nc000001\n"}
DESCRIPTION = MojoDescription(
    "3.46.0.11", "gbm", "Binomial", (MojoInput("age", 0, None), MojoInput("plan", 1, (0, None, 1))), (0, 1)
)


def ini(**changes: str) -> bytes:
    """The text of ``model.ini``."""
    lines = [f"{name} = {value}" for name, value in {**INFO, **changes}.items()]
    return ("[info]\n" + "\n".join(lines) + "\n\n" + COLUMNS).encode()


def archive(files: dict[str, bytes] | None = None, *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these files, in place of, or beside, those of a MOJO."""
    target = io.BytesIO()
    held: dict[str, Any] = {
        "model.ini": ini(),
        **LEVELS,
        "trees/t00_000.bin": b"\x00" * 400,
        "experimental/modelDetails.json": b"{}",
        **(files or {}),
    }
    with zipfile.ZipFile(target, "w", compression=compression) as written:
        for name, content in held.items():
            written.writestr(name, content)
    return target.getvalue()


def mojo(files: dict[str, bytes] | None = None) -> bytes:
    """The same as Headrace keeps it."""
    return mojo_archive.normalize(archive(files))
