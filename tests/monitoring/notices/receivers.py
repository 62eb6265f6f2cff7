"""Real servers on this machine that notices go to: one of HTTP, one of SMTP."""

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What a receiver got.

    Attributes:
        port: Its port.
        received: Documents of webhooks, or texts of mails.
        status: HTTP status of its answers, or the first digit of SMTP's reply to a mail.
    """

    port: int = 0
    received: list[Any] = field(default_factory=list)
    status: int = 200


@contextlib.contextmanager
def webhook(host: str = "127.0.0.1") -> Iterator[Receiver]:
    """A server at an address of this machine that takes documents of JSON."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.status == 200:
                receiver.received.append(json.loads(body))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((host, 0), Handler) as server:
        receiver.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield receiver
        server.shutdown()


@contextlib.contextmanager
def mail_server() -> Iterator[Receiver]:
    """A server of SMTP (RFC 5321) that takes each mail."""
    receiver = Receiver(status=250)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.reply("220 here")
            while line := self.rfile.readline():
                verb = line[:4].upper().strip()
                if verb == b"DATA":
                    self.reply("354 go on")
                    text = b"".join(iter(self.rfile.readline, b".\r\n"))
                    if receiver.status == 250:
                        receiver.received.append(text.decode())
                    self.reply(f"{receiver.status} that is all")
                elif verb == b"QUIT":
                    self.reply("221 bye")
                    return
                else:
                    self.reply("250 here")

        def reply(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield receiver
        server.shutdown()
