"""The program of ``tests.fork_server``: a bare interpreter runs it; it stands beside the servers' sockets."""

import contextlib
import json
import os
import signal
import socket
import sys
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_START_SECONDS = 120


def main() -> int:
    """Be the interpreter, or wait for a fork that is it."""
    arguments = sys.argv[1:]
    folder = os.path.dirname(os.path.abspath(sys.argv[0]))  # noqa: PTH100, PTH120 - pathlib would take longer
    module = arguments[1] if arguments[:1] == ["-m"] and len(arguments) > 1 else ""
    server = find_server(folder, module) if module.startswith("headrace.") else ""
    if not server:
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell is wanted
    handled = [int(number) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    early: list[int] = []
    for number in handled:
        signal.signal(number, lambda sent, _: early.append(sent))
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    caller.connect(server)
    request = {
        "arguments": arguments,
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109
        "ignored": [int(number) for number in SIGNALS if number not in handled],
    }
    content = json.dumps(request).encode()
    socket.send_fds(caller, [len(content).to_bytes(8, "big")], [0, 1, 2])
    caller.sendall(content)
    pid = int.from_bytes(received(caller), "big")
    for number in handled:
        signal.signal(number, lambda sent, _: forward(pid, sent))
    for number in early:
        forward(pid, number)
    for stream in (0, 1, 2):  # whoever reads them waits for the fork, not for this process
        os.close(stream)
    end(int.from_bytes(received(caller), "big", signed=True))
    return 1


def forward(pid: int, number: int) -> None:
    """Send the fork a signal that was meant for it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def end(code: int) -> None:
    """End as the fork has ended: with its exit code, or by the signal that killed it."""
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no other way than its usual one
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def find_server(folder: str, module: str) -> str:
    """Return the address of the server that forks for the module, once it listens; none does for most."""
    with open(os.path.join(folder, "modules.json"), encoding="utf-8") as stream:  # noqa: PTH118, PTH123
        kind = next((kind for kind, modules in json.load(stream).items() if module in modules), "")
    server = os.path.join(folder, kind)  # noqa: PTH118
    deadline = time.monotonic() + _START_SECONDS
    while kind and not os.path.exists(server):  # noqa: PTH110
        if time.monotonic() > deadline:
            raise SystemExit(
                f"a fork server must listen at {server}; none does: what the tests printed before says why."
            )
        time.sleep(0.02)
    return server if kind else ""


def received(caller: socket.socket) -> bytes:
    """Eight bytes."""
    content = b""
    while len(content) < 8:
        part = caller.recv(8 - len(content))
        if not part:
            os._exit(137)
        content += part
    return content


if __name__ == "__main__":
    sys.exit(main())
