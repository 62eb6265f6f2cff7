"""Asks a server with KServe's own clients; run as a script, for its messages clash with Triton's in one process.

Reads a JSON document (``base``, ``grpc``, ``rows``, ``datatypes``) from standard input and prints the answers.
"""

import asyncio
import json
import math
import sys
from typing import Any

import kserve


async def answers(told: dict[str, Any]) -> dict[str, Any]:
    """The answers in V1, V2 and over gRPC."""
    base, rows, name = told["base"], told["rows"], "customers"

    def request(missing: float | None) -> kserve.InferRequest:
        tensors = []
        for column, datatype in told["datatypes"].items():
            data = [missing if row[column] is None else row[column] for row in rows]
            tensors.append(kserve.InferInput(column, [len(rows)], datatype, data=data, parameters={}))
        return kserve.InferRequest(name, tensors)

    found: dict[str, Any] = {}
    for protocol in ("v1", "v2"):
        client = kserve.InferenceRESTClient(kserve.inference_client.RESTConfig(protocol=protocol))
        assert await client.is_model_ready(base, name)
        body = {"instances": rows} if protocol == "v1" else request(None)
        answer = await client.infer(base, body, model_name=name)
        found[protocol] = answer["predictions"] if protocol == "v1" else _outputs(answer)
    assert await client.is_server_live(base)
    assert await client.is_server_ready(base)
    typed = kserve.InferenceGRPCClient(told["grpc"])
    assert await typed.is_server_ready()
    assert await typed.is_model_ready(name)
    found["grpc"] = _outputs(await typed.infer(request(math.nan)))
    return found


def _outputs(answer: kserve.InferResponse) -> dict[str, Any]:
    return {
        output.name: [item.decode() if isinstance(item, bytes) else item for item in output.data]
        for output in answer.outputs
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(answers(json.load(sys.stdin)))))
