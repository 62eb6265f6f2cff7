"""An image of one program, as `docker save` writes it: no registry can be asked for the object store's own."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any


def write_image(path: Path, name: str, program: Path) -> Path:
    """Write an image that holds one static program, which it runs.

    Args:
        path: Where to write the archive.
        name: Name and tag of the image.
        program: The program.
    """
    layer = path.with_suffix(".layer")
    with tarfile.open(layer, "w") as inner:
        inner.add(program, f"usr/bin/{program.name}", filter=_anybodys)
    with layer.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    config: dict[str, Any] = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/usr/bin/{program.name}"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as outer:
        outer.add(layer, "layer.tar")
        for inside, document in (("config.json", config), ("manifest.json", manifest)):
            data = json.dumps(document).encode()
            entry = tarfile.TarInfo(inside)
            entry.size = len(data)
            outer.addfile(entry, io.BytesIO(data))
    layer.unlink()
    return path


def _anybodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode, entry.uid, entry.gid = 0o755, 0, 0
    return entry
