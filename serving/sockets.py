"""Listening sockets, and the addresses that people see."""

import socket

from headrace.core.base.errors import InputError


def bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket bound to an address, not yet listening.

    Args:
        host: Address of the interface; ``127.0.0.1`` for this machine alone.
        port: TCP port; 0 for one that is free.
        shared: Whether other sockets of this user may be bound to the same port, to share its connections.

    Raises:
        InputError: If the port is taken, may not be used, or the host is not this machine's.
    """
    try:
        family, kind, number, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, number)
    except OSError as error:
        raise InputError(f"--host must be an address of this machine; got {host}: {error.strerror}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(place)
    except OSError as error:
        listener.close()
        raise InputError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another port with --port."
        ) from error
    return listener


def sharing(host: str, port: int, count: int) -> list[socket.socket]:
    """``count`` sockets bound to one port, whose connections the kernel spreads over them.

    Raises:
        InputError: As ``bound`` does.
    """
    if count == 1:
        return [bound(host, port)]
    bound(host, port).close()  # a port that another program shares with nobody must not be shared with it
    first = bound(host, port, shared=True)
    number = first.getsockname()[1]
    return [first, *(bound(host, number, shared=True) for _ in range(count - 1))]


def predict_url(host: str, port: int, name: str) -> str:
    """Return where predictions are asked for in V1; a host that stands for all interfaces is given as this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/v1/models/{name}:predict"
