"""Verify an endpoint over HTTP with its bundle's test cases and a request that it must refuse."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.core.base import settings
from headrace.core.base.errors import InputError, InternalError
from headrace.core.base.files import write_json
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.inference.prediction_json import describe_difference
from headrace.serving.deployment.client import EndpointClient, EndpointReply

_MOST_SHOWN = 3


def verify(url: str, *, bundle: Bundle, gateway: str = "") -> dict[str, Any]:
    """Send an endpoint every test case of a bundle, one by one and then all at once.

    Args:
        url: URL of V1 predictions.
        bundle: The bundle that it must serve.
        gateway: Host and port to connect to instead of the URL's own, such as a gateway's.

    Returns:
        ``verified``, ``cases`` (how many), ``failures`` (sentences), ``url``, ``digest``, the first case's ``request``,
        ``answer``, ``expected`` and ``actual``, and ``latency_ms`` {``p50``, ``p99``} of the single requests.

    Raises:
        InputError: If nothing answers there.
    """
    content = bundle.json("cases.json")
    cases, tolerance = content["cases"], content["tolerance"]
    with EndpointClient.at(url, gateway=gateway) as remote:
        digest = remote.digest()
        remote.predict([cases[0]["request"]])  # the first request pays for lazy initialization
        replies = [remote.predict([case["request"]]) for case in cases]
        batch = remote.predict([case["request"] for case in cases])
        refused = remote.predict([_broken_request(cases[0]["request"])])
    failures = [] if digest == bundle.digest else [f"it serves the bundle {digest or '(unnamed)'}, not {bundle.digest}"]
    for index, (case, reply) in enumerate(zip(cases, replies, strict=True)):
        failures += _compare_answers(f"case {index}", [case], reply, tolerance)
    failures += _compare_answers("all cases in one request: case", cases, batch, tolerance)
    if not 400 <= refused.status < 500:
        failures.append(f"a request that breaks the contract got status {refused.status} instead of a 4xx")
    return {
        "verified": not failures,
        "cases": len(cases),
        "failures": failures,
        "url": url,
        "digest": digest,
        "request": {"instances": [cases[0]["request"]]},
        "answer": replies[0].document,
        "expected": cases[0]["expected"],
        "actual": cases[0]["actual"],
        "latency_ms": _latency([reply.milliseconds for reply in replies]),
    }


def verify_step(url: str, *, folder: Path, record: Path) -> dict[str, Any]:
    """Verify an endpoint, record the result, and fail if its answers differ from the bundle's.

    Args:
        url: URL of V1 predictions.
        folder: The bundle that it must serve.
        record: JSON file to write, even if the verification fails.

    Returns:
        The recorded result, as ``verify`` returns it.

    Raises:
        InputError: If nothing answers there, or the endpoint serves another bundle.
        InternalError: If its answers differ from the bundle's.
    """
    bundle = open_bundle(folder)
    result = verify(url, bundle=bundle, gateway=settings.gateway())
    write_json(record, result)
    if result["failures"]:
        error_type = InternalError if result["digest"] == bundle.digest else InputError
        raise error_type(
            f"the endpoint {url} does not answer as its bundle says: {describe_failures(result['failures'])}."
        )
    return result


def describe_failures(failures: Sequence[str]) -> str:
    """Return the first few failures and the number of the others, as one clause."""
    suffix = f"; and {len(failures) - _MOST_SHOWN} more" if len(failures) > _MOST_SHOWN else ""
    return "; ".join(failures[:_MOST_SHOWN]) + suffix


def _compare_answers(
    what: str, cases: Sequence[Mapping[str, Any]], reply: EndpointReply, tolerance: Mapping[str, float]
) -> list[str]:
    predictions = reply.document.get("predictions") if isinstance(reply.document, dict) else None
    if reply.status != 200 or not isinstance(predictions, list) or len(predictions) != len(cases):
        error = reply.document.get("error", "") if isinstance(reply.document, dict) else ""
        return [f"{what} got status {reply.status} without its predictions{': ' if error else ''}{error}"]
    differences = []
    for index, (case, prediction) in enumerate(zip(cases, predictions, strict=True)):
        difference = describe_difference(
            case["expected"], prediction, relative=tolerance["relative"], absolute=tolerance["absolute"]
        )
        if difference:
            differences.append(f"{what}{f' {index}' if len(cases) > 1 else ''}: {difference}")
    return differences


def _broken_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request whose first value has a type that no contract allows."""
    return {**request, next(iter(request)): {"not": "a value"}}


def _latency(milliseconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {
        f"p{percent}": round(ordered[min(len(ordered) - 1, percent * len(ordered) // 100)], 3) for percent in (50, 99)
    }
