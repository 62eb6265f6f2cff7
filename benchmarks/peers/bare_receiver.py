"""The floor of any receiver in Python: uvloop, which answers 200 to whatever comes and reads none of it.

python bare_receiver.py uvloop|httptools PORT

With ``httptools`` it parses the request as uvicorn does, and answers after it.
"""

import asyncio
import sys
from typing import cast

import httptools
import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Answer(asyncio.Protocol):
    """Answers each piece that is received."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - nothing of it is read
        """Answer."""
        self.transport.write(_ANSWER)


class ParseAndAnswer(Answer):
    """Answers each request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Start a request."""
        self.headers: dict[bytes, bytes] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self.headers[name.lower()] = value

    def on_message_complete(self) -> None:
        """Answer."""
        self.transport.write(_ANSWER)


async def serve(kind: type[Answer], port: int) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve({"uvloop": Answer, "httptools": ParseAndAnswer}[sys.argv[1]], int(sys.argv[2])))
