"""A real JupyterLab for tests, in an environment of its own, whose kernels are this environment's Python."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import websocket

from headrace.core.runtime.processes import free_port
from tests.real import peers

_START_SECONDS = 240.0
_CELL_SECONDS = 240.0
_TOKEN = "token-of-a-test"


@dataclass(frozen=True)
class JupyterServer:
    """A running JupyterLab.

    Attributes:
        url: Its address.
        log: Its log.
    """

    url: str
    log: Path

    def ask(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        """Status and answer of a request, parsed if it is JSON."""
        body = None if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"token {_TOKEN}", "Content-Type": "application/json"}
        reply = urllib3.request(method, f"{self.url}{path}", body=body, headers=headers, timeout=60)
        text = reply.data.decode()
        return reply.status, json.loads(text) if text.startswith(("{", "[")) else text

    @contextlib.contextmanager
    def open_notebook(self, path: str) -> Iterator["NotebookSession"]:
        """Begin the session of a notebook, as JupyterLab does when it is opened; end it and its kernel at the end."""
        name = path.rpartition("/")[2]
        asked = {"path": path, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        status, session = self.ask("POST", "/api/sessions", asked)
        assert status == 201, session
        address = f"{self.url.replace('http', 'ws', 1)}/api/kernels/{session['kernel']['id']}/channels"
        channel = websocket.create_connection(
            address, header=[f"Authorization: token {_TOKEN}"], timeout=_CELL_SECONDS, suppress_origin=True
        )
        try:
            yield NotebookSession(channel)
        finally:
            channel.close()
            self.ask("DELETE", f"/api/sessions/{session['id']}")


@dataclass(frozen=True)
class NotebookSession:
    """A notebook with its kernel."""

    channel: Any

    def execute(self, code: str) -> list[dict[str, Any]]:
        """Execute a cell, and return the contents of its outputs.

        Raises:
            AssertionError: If the cell fails.
        """
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
        header |= {"username": "", "session": "", "date": "2026-01-01T00:00:00Z"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.channel.send(json.dumps(message))
        outputs: list[dict[str, Any]] = []
        is_idle = has_reply = False
        while not (is_idle and has_reply):
            answer = json.loads(self.channel.recv())
            if answer["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            kind, found = answer["msg_type"], answer["content"]
            is_idle |= kind == "status" and found["execution_state"] == "idle"
            if kind == "execute_reply":
                has_reply = True
                assert found["status"] == "ok", found
            if kind in {"stream", "execute_result", "display_data"}:
                outputs.append(found)
        return outputs


@contextlib.contextmanager
def jupyter_server(folder: Path, *, state: Path) -> Iterator[JupyterServer]:
    """Run JupyterLab for the length of the block.

    Args:
        folder: The folder of its notebooks.
        state: A folder for its log, settings and kernels' specification.
    """
    programs, port = peers.environment("jupyter") / "bin", free_port()
    kernel = state / "data" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": arguments, "display_name": "Headrace", "language": "python"}))
    own = {"JUPYTER_PATH": str(state / "data"), "IPYTHONDIR": str(state / "ipython")}
    own |= {f"JUPYTER_{name}_DIR": str(state / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [str(programs / "jupyter-lab"), "--no-browser", "--allow-root", "--ip", "127.0.0.1", "--port", str(port)]
    command += [f"--IdentityProvider.token={_TOKEN}", f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0"]
    log = state / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **own}, stdout=stream, stderr=stream, start_new_session=True
        )
    server = JupyterServer(f"http://127.0.0.1:{port}", log)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(server):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield server
    finally:
        # Kernels are in sessions of their own; the server ends them when it is asked to end.
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _answers(server: JupyterServer) -> bool:
    try:
        return server.ask("GET", "/api/status")[0] == 200
    except urllib3.exceptions.HTTPError:
        return False
