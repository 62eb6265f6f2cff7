"""Foreign errors of Kubeflow Pipelines' client, translated in one place."""

import inspect
import json
import ssl

import kfp_server_api.exceptions
import pytest
import urllib3.exceptions
from kfp_server_api.exceptions import ApiException, OpenApiException

from headrace.cluster.api import errors
from headrace.cluster.kfp.errors import CLASSES, CODES, STATUSES, refusal, translate_errors, words_of
from headrace.core.base.errors import ClusterError, MissingError
from tests.cluster.kfp_server import STACK


def _classes() -> list[type[Exception]]:
    found = []
    for module in (kfp_server_api.exceptions, urllib3.exceptions):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            is_warning = issubclass(kind, Warning)
            if issubclass(kind, Exception) and not is_warning and kind.__module__ == module.__name__:
                found.append(kind)
    return found


@pytest.mark.parametrize("kind", _classes(), ids=lambda kind: kind.__name__)
def test_no_error_of_the_client_or_of_urllib3_is_unmapped(kind: type[Exception]) -> None:
    """A new class in either package must be given a sentence."""
    elsewhere = {urllib3.exceptions.ProxySchemeUnsupported}  # raised for a proxy, of which there is none
    assert issubclass(kind, (OpenApiException, *CLASSES)) or kind in elsewhere, kind


def _raised(error: Exception) -> ClusterError:
    with pytest.raises(ClusterError) as caught, translate_errors("http://x", "list the runs"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind is not urllib3.exceptions.HTTPError])
def test_a_request_without_an_answer_has_a_sentence(kind: type[Exception]) -> None:
    """Each class has a word to branch by, and a sentence with the address and a remedy of this platform."""
    caught = _raised(kind.__new__(kind))
    assert caught.reason == errors.CLASSES[kind][0]
    assert str(caught).startswith("Kubeflow Pipelines at http://x ")
    assert str(caught).endswith(" (list the runs).")
    assert "kubeconfig" not in str(caught)


def test_the_clients_own_errors_have_a_sentence() -> None:
    """Requests that cannot be built are told too, and TLS errors that come without a status."""
    assert _raised(kfp_server_api.exceptions.ApiTypeError("no")).reason == "failed"
    assert "HEADRACE_KFP_CA_FILE" in str(_raised(ApiException(status=0, reason="SSLError")))


def test_a_handshake_that_was_broken_off_is_no_bad_certificate() -> None:
    """Its class is in the context of the error that the client makes of it."""
    error = ApiException(status=0, reason="SSLError")
    error.__context__ = urllib3.exceptions.SSLError(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))
    assert _raised(error).reason == "unreachable"


@pytest.mark.parametrize("status", [*STATUSES, 418, 507])
def test_every_refusal_has_a_sentence(status: int) -> None:
    """Whatever the status, in one line, without the stack of Go, whether or not the server says anything."""
    bodies = [
        json.dumps({"code": 0, "message": f"words of the server.{STACK}"}),
        json.dumps({"error_message": f"words of the server{STACK}", "error_details": STACK}),
        "<html>",
        "",
        None,
    ]
    for body in bodies:
        found = refusal(status, body, address="http://x", doing="list the runs")
        assert isinstance(found, ClusterError)
        assert "\n" not in str(found)
        assert "/go/src" not in str(found)
        assert "{" not in str(found)


@pytest.mark.parametrize("code", CODES)
def test_the_servers_own_code_decides(code: int) -> None:
    """More than the status, which its gateway chooses."""
    body = json.dumps({"code": code, "message": "words"})
    found = refusal(500, body, address="http://x", doing="d")
    if CODES[code] == 404:
        assert isinstance(found, MissingError)
    else:
        assert isinstance(found, ClusterError)
        assert found.reason == STATUSES[CODES[code]][0]


@pytest.mark.parametrize(
    ("words", "reason"),
    [("Already exist error: The name a already exist", "exists"), ("nope not required by pipeline", "invalid")],
)
def test_an_answer_500_is_known_by_its_words(words: str, reason: str) -> None:
    """The upload of a file wraps every error in an internal one."""
    found = refusal(500, json.dumps({"error_message": words}), address="http://x", doing="d")
    assert isinstance(found, ClusterError)
    assert found.reason == reason


def test_what_is_missing_is_told_from_a_wrong_address() -> None:
    """An API says what is not there; another server has never heard of it."""
    said = json.dumps({"code": 5, "message": "Run x not found"})
    assert isinstance(refusal(404, said, address="a", doing="d"), MissingError)
    strange = refusal(404, "<html>not found</html>", address="a", doing="d")
    assert isinstance(strange, ClusterError)
    assert "correct HEADRACE_KFP_ENDPOINT" in str(strange)


def test_words_of_an_answer_are_short() -> None:
    """A server may say much."""
    assert words_of(json.dumps({"code": 3, "message": f"{'x' * 5000}\nmore"}))[1] == "x" * 499 + "…"
    assert words_of(b"\xff\xfe") == (0, "")
    assert words_of("[1]") == (0, "")
