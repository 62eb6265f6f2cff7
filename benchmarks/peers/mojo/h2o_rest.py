"""One row after the other, asked of H2O's own REST server; runs with H2O on PYTHONPATH.

    python h2o_rest.py MODEL.mojo ROWS.csv PORT SECONDS

The MOJO is imported as a generic model. A row is either sent, parsed, scored and read (as a caller must who has a new
row), or was parsed before (scored and read alone). Prints one line of JSON: rows a second, and the answers to the rows.
"""

import http.client
import json
import sys
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h2o

_PART = b'--rows\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n\r\n%b\r\n--rows--\r\n'


class Rest:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self, method: str, path: str, body: bytes | None = None, **values: Any) -> Any:
        """Send a request, and return the document of its answer."""
        form, kind = urllib.parse.urlencode(values).encode(), "application/x-www-form-urlencoded"
        if body is not None:
            form, kind = _PART % body, "multipart/form-data; boundary=rows"
        self._connection.request(method, path, form, {"Content-Type": kind})
        reply = self._connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{path}: {reply.status} {content[:500]!r}")
        return json.loads(content)

    def wait(self, job: str) -> None:
        """Wait for the end of a job."""
        while self.ask("GET", f"/3/Jobs/{job}")["jobs"][0]["status"] in {"CREATED", "RUNNING"}:
            pass

    def parse(self, lines: bytes, names: list[str], types: list[str], frame: str) -> None:
        """Send rows, and parse them to a frame."""
        source = self.ask("POST", f"/3/PostFile?destination_frame={frame}.csv", lines)["destination_frame"]
        job = self.ask(
            "POST", "/3/Parse", destination_frame=frame, source_frames=json.dumps([source]), parse_type="CSV",
            separator=44, number_columns=len(names), column_names=json.dumps(names), column_types=json.dumps(types),
            check_header=-1, single_quotes="false", delete_on_done="true", blocking="true", chunk_size=4194304,
        )["job"]  # fmt: skip
        if job["status"] in {"CREATED", "RUNNING"}:
            self.wait(job["key"]["name"])

    def predict(self, model: str, frame: str) -> list[list[float]]:
        """Score a frame, and read the answers, by column."""
        answer = self.ask("POST", f"/3/Predictions/models/{model}/frames/{frame}", predictions_frame=f"{frame}_p")
        name = answer["predictions_frame"]["name"]
        columns = self.ask("GET", f"/3/Frames/{name}?row_count=1000&full_column_count=-1")["frames"][0]["columns"]
        return [column["data"] for column in columns[1:]]


def rate(work: Callable[[int], Any], seconds: float) -> float:
    """Calls a second, after some that do not count."""
    for number in range(20):
        work(number)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        work(20 + count)
        count += 1
    return count / (time.perf_counter() - began)


def main() -> None:
    """Start H2O, ask, print."""
    mojo, table, port, seconds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    h2o.init(start_h2o=True, port=port, max_mem_size="2G", bind_to_localhost=True)
    h2o.no_progress()
    model = h2o.upload_mojo(str(mojo)).model_id
    head, *lines = table.read_bytes().splitlines(keepends=True)
    names = head.decode().strip().split(",")
    types = ["Enum" if name.startswith("c") else "Numeric" for name in names]
    rest = Rest(port)
    rest.parse(b"".join(lines), names, types, "all")
    answers = rest.predict(model, "all")
    rest.parse(lines[0], names, types, "one")

    def send(number: int) -> None:
        rest.parse(lines[number % len(lines)], names, types, "sent")
        rest.predict(model, "sent")

    found = {"parsed": rate(lambda _: rest.predict(model, "one"), seconds), "sent": rate(send, seconds)}
    print(json.dumps({**found, "answers": answers}))
    h2o.cluster().shutdown()


if __name__ == "__main__":
    main()
