"""A real PostgreSQL for tests: Debian's binaries, an empty cluster in a temporary folder, a free loopback port."""

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headrace.core.runtime.processes import free_port
from tests.real_parts import missing

USER = "headrace"


@dataclass(frozen=True)
class Postgres:
    """A running server.

    Attributes:
        port: Its port on the loopback address.
        password: Password of its only user.
    """

    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database ``postgres``, without the password."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/postgres"


def binaries() -> Path:
    """Folder of ``initdb`` and ``pg_ctl``; without them the test is skipped, or fails in CI."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    reason = "no PostgreSQL: apt-get install postgresql"
    return missing(reason)


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Run a server for the length of the block; PostgreSQL refuses root, so root runs it as another user."""
    programs = binaries()
    with tempfile.TemporaryDirectory(prefix="headrace-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = Postgres(port=free_port(), password=secrets.token_hex(16))
        (folder / "password").write_text(server.password)
        owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = _other_user()
            owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        data, log = folder / "data", folder / "log"
        login = [f"--username={USER}", f"--pwfile={folder / 'password'}", "--auth=scram-sha-256"]
        _run([programs / "initdb", "-D", data, "--no-sync", "--encoding=UTF8", "--locale=C", *login], owner, folder)
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={server.port} -c unix_socket_directories={folder} -c fsync=off"
        )
        _run([programs / "pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options], owner, folder)
        try:
            yield server
        finally:
            _run([programs / "pg_ctl", "stop", "-m", "immediate", "-D", data], owner, folder)


def _other_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    reason = "PostgreSQL does not run as root, and there is no user postgres or nobody: adduser --system postgres"
    return missing(reason)


def _run(command: list[Any], owner: dict[str, Any], folder: Path) -> None:
    """Run one of PostgreSQL's programs; its output goes to a file, because a server keeps a pipe open."""
    with (folder / "output").open("ab") as output:
        ended = subprocess.run(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            check=False,
            **owner,
        )
    if ended.returncode:
        pytest.fail((folder / "output").read_text())
