"""Listening sockets, and the addresses to show to users."""

import socket

from headrace.core.base.errors import InputError


def bind_socket(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket bound to an address, not yet listening.

    Args:
        host: Address of the interface; ``127.0.0.1`` for this machine alone.
        port: TCP port; 0 for a free one.
        shared: Whether other sockets of this user may bind to the same port to share its connections.

    Raises:
        InputError: If the port is taken or not permitted, or the host is not an address of this machine.
    """
    try:
        family, socket_type, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket_type, protocol)
    except OSError as error:
        raise InputError(f"--host must be an address of this machine; got {host}: {error.strerror}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise InputError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another port with --port."
        ) from error
    return listener


def bind_shared(host: str, port: int, count: int) -> list[socket.socket]:
    """Return ``count`` sockets bound to one port, over which the kernel distributes connections.

    Raises:
        InputError: As ``bind_socket`` does.
    """
    if count == 1:
        return [bind_socket(host, port)]
    # Bind exclusively once: otherwise the workers might silently share the port with another program that also set
    # SO_REUSEPORT, and lose requests to it.
    bind_socket(host, port).close()
    first = bind_socket(host, port, shared=True)
    number = first.getsockname()[1]
    return [first, *(bind_socket(host, number, shared=True) for _ in range(count - 1))]


def predict_url(host: str, port: int, name: str) -> str:
    """Return the URL of V1 predictions; an address for all interfaces becomes the loopback address."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/v1/models/{name}:predict"
