"""Starts a step in the warm process. Imports nothing of the suite, because a bare interpreter runs it as a file.

Usage: launch.py SOCKET PYTHON [INTERPRETER ARGUMENT ...]. When nothing listens at SOCKET yet, PYTHON runs instead.
"""

import json
import os
import socket
import sys

_KILLED = 137


def main() -> int:
    """Pass arguments, environment, folder and standard streams to the warm process, and return the exit code."""
    address, python, *arguments = sys.argv[1:]
    warm = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        warm.connect(address)
    except OSError:  # not warm yet, or gone: start an interpreter, which always works
        os.execv(python, [python, *arguments])  # noqa: S606 - no shell is wanted
    request = json.dumps({"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}).encode()  # noqa: PTH109
    socket.send_fds(warm, [len(request).to_bytes(8, "big")], [0, 1, 2])
    warm.sendall(request)
    answer = warm.recv(1)
    return answer[0] if answer else _KILLED


if __name__ == "__main__":
    sys.exit(main())
