"""A receiver of CloudEvents as most people would write it: FastAPI, one JSON line appended for each event.

python fastapi_receiver.py FILE PORT
"""

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

app = FastAPI()
log = Path(sys.argv[1]).open("a", encoding="utf-8")  # noqa: SIM115 - open as long as the server runs


@app.post("/")
async def receive(request: Request) -> dict[str, Any]:
    """Append one event, which is not on disk yet when it is acknowledged."""
    attributes = {name.removeprefix("ce-"): value for name, value in request.headers.items() if name.startswith("ce-")}
    log.write(json.dumps({**attributes, "data": await request.json()}) + "\n")
    log.flush()
    return {"stored": True}


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
