"""The program of ``tests.fork_server``: a bare interpreter runs it; it stands beside the servers' sockets."""

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
    server = os.path.join(folder, "step" if "_KFP_RUNTIME" in os.environ else "command")  # noqa: PTH118
    if arguments[:1] != ["-m"] or len(arguments) < 2 or not forks(server, arguments[1]):
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell is wanted
    ignored = [int(number) for number in SIGNALS if signal.getsignal(number) == signal.SIG_IGN]
    pending: list[int] = []
    for number in SIGNALS:
        if number not in ignored:
            signal.signal(number, lambda told, _: pending.append(told))
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    caller.connect(server)
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd(), "ignored": ignored}  # noqa: PTH109
    content = json.dumps(request).encode()
    socket.send_fds(caller, [len(content).to_bytes(8, "big")], [0, 1, 2])
    caller.sendall(content)
    pid = int.from_bytes(received(caller), "big")

    def hand_on(number: int, _: object) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    for number in SIGNALS:
        if number not in ignored:
            signal.signal(number, hand_on)
    for number in pending:
        hand_on(number, None)
    for number in (0, 1, 2):  # whoever reads them waits for the process, not for this one
        os.close(number)
    code = int.from_bytes(received(caller), "big", signed=True)
    if code < 0:
        if -code in SIGNALS:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def forks(server: str, module: str) -> bool:
    """Whether the server, once it has imported all, forks for the module."""
    deadline = time.monotonic() + _START_SECONDS
    while not os.path.exists(server):  # noqa: PTH110
        if time.monotonic() > deadline or os.path.exists(f"{server}.failed"):  # noqa: PTH110
            raise SystemExit(f"no fork server is at {server}: what the tests print before says why.")
        time.sleep(0.02)
    with open(f"{server}.json", encoding="utf-8") as stream:  # noqa: PTH123
        return module in json.load(stream)


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
