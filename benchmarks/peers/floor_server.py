"""The floor: bare uvicorn and Headrace's engine, with no check, no metric and no second route.

python floor_server.py BUNDLE PORT
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import uvicorn

from headrace.core.bundles.bundle import open_bundle
from headrace.core.inference.scorer import Scorer

scorer = Scorer.open(open_bundle(Path(sys.argv[1])))


async def app(_: Any, receive: Any, send: Any) -> None:
    """Answer whatever comes."""
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    rows = orjson.loads(body)["instances"] if body else [[0.0] * 12]
    scores = scorer.scores(np.array(rows, dtype=np.float64))
    content = orjson.dumps({"predictions": scores.tolist()})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
