"""Foreign errors of the cluster, translated in one place."""

import inspect
import pickle
import re

import kubernetes.client.exceptions
import kubernetes.config.config_exception
import pytest
import urllib3.exceptions
from kubernetes.client.exceptions import ApiException, OpenApiException
from kubernetes.config.config_exception import ConfigException

from headrace.cluster.api import errors
from headrace.cluster.api.errors import CLASSES, REASONS, STATUSES, answer_of, refusal, translate_errors
from headrace.cluster.api.kinds import PODS
from headrace.cluster.kfp import errors as kfp_errors
from headrace.core.base.errors import ClusterError, MissingError
from tests.cluster.http import answering, at, status


def _classes() -> list[type[Exception]]:
    found = []
    for module in (kubernetes.client.exceptions, kubernetes.config.config_exception, urllib3.exceptions):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            is_warning = issubclass(kind, Warning)
            if issubclass(kind, Exception) and not is_warning and kind.__module__ == module.__name__:
                found.append(kind)
    return found


@pytest.mark.parametrize("kind", _classes(), ids=lambda kind: kind.__name__)
def test_no_error_of_the_client_or_of_urllib3_is_unmapped(kind: type[Exception]) -> None:
    """A new class in either package must be given a sentence."""
    elsewhere = {urllib3.exceptions.ProxySchemeUnsupported}  # raised when the proxy of a kubeconfig is read
    assert issubclass(kind, (OpenApiException, ConfigException, *CLASSES)) or kind in elsewhere, kind


def _raised(error: Exception) -> ClusterError:
    with pytest.raises(ClusterError) as caught, translate_errors("https://x", "get pods a"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind is not urllib3.exceptions.HTTPError])
def test_a_request_without_an_answer_has_a_sentence(kind: type[Exception]) -> None:
    """Each class has a word to branch by, and a sentence with the address and a remedy."""
    error = kind.__new__(kind)
    caught = _raised(error)
    assert caught.reason in {"config", "unreachable", "timeout"}
    assert str(caught).startswith("the cluster https://x ")
    assert str(caught).endswith(" (get pods a).")


def test_the_clients_own_errors_have_a_sentence() -> None:
    """Bad credentials and requests that cannot be built are told too, and TLS errors that come without a status."""
    assert _raised(ConfigException("Token file\nexists but empty.")).reason == "config"
    assert _raised(kubernetes.client.exceptions.ApiTypeError("no")).reason == "failed"
    assert "certificate" in str(_raised(ApiException(status=0, reason="SSLError\ncertificate verify failed")))


@pytest.mark.parametrize("code", [*STATUSES, 418, 507])
def test_every_refusal_has_a_sentence(code: int) -> None:
    """Whatever the status, and whether or not the server gives a reason, it is one line with a remedy."""
    for reason in ("", "SomethingNew"):
        _, body = status(code, reason, "words\nof the server.")
        found = refusal(answer_of(code, "", body), address="https://x", doing="get pods a")
        assert isinstance(found, ClusterError)
        assert "\n" not in str(found)
        assert ".." not in str(found)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_a_word(reason: str) -> None:
    """The API server's reason decides, not the status."""
    _, body = status(400, reason, 'User "bob" cannot do that')
    found = refusal(answer_of(400, "", body), address="https://x", doing="do it")
    assert isinstance(found, ClusterError)
    assert found.reason == REASONS[reason][0]


def test_only_a_named_object_is_missing() -> None:
    """A kind that is not served is another matter than an object that is not there."""
    _, body = status(404, "NotFound", 'pods "a" not found', name="a", kind="pods")
    assert isinstance(refusal(answer_of(404, "", body), address="https://x", doing="get"), MissingError)
    for said in (b"404 page not found\n", status(404, "NotFound", "the server could not find it")[1]):
        found = refusal(answer_of(404, "", said), address="https://x", doing="get")
        assert isinstance(found, ClusterError)
        assert found.reason == "unserved"


def test_a_webhooks_refusal_is_not_taken_for_a_missing_right() -> None:
    """An admission rule answers with 403 too, but no right helps against it."""
    _, body = status(403, "Forbidden", 'admission webhook "v.k.io" denied the request: too long')
    found = refusal(answer_of(403, "", body), address="https://x", doing="create pods a")
    assert isinstance(found, ClusterError)
    assert found.reason == "invalid"
    assert "too long" in str(found)


def test_a_conflict_names_the_other_manager() -> None:
    """Who owns which field stands in the sentence."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "hpa" using apps/v1: .spec.replicas',
            "field": field,
        }
        for field in (".spec.replicas", ".spec.paused")
    ]
    _, body = status(409, "Conflict", "Apply failed with 2 conflicts", causes=causes)
    found = refusal(answer_of(409, "", body), address="https://x", doing="patch deployments.apps a")
    assert "hpa owns .spec.replicas, .spec.paused" in str(found)


def test_long_words_are_cut() -> None:
    """A server cannot fill the screen."""
    found = refusal(answer_of(500, "", b"x" * 100_000), address="https://x", doing="get")
    assert len(str(found)) < 1200


def test_the_word_travels_between_processes() -> None:
    """A step's error reaches the process that started it."""
    error = pickle.loads(pickle.dumps(ClusterError("no.", "busy")))  # noqa: S301 - our own bytes
    assert (str(error), error.reason) == ("no.", "busy")


def test_a_server_that_is_no_api_server() -> None:
    """Whatever it answers, it is one sentence with its address."""
    for answer in ((200, b"<html>hello</html>"), (302, b""), (404, b"nothing here"), (400, b"\xff\xfe")):
        with answering(answer) as (cluster, _), pytest.raises(ClusterError, match=r"^the cluster http://127\.0\.0\.1:"):
            cluster.get(PODS, "a")


def test_an_address_that_is_none() -> None:
    """What cannot be an address is said to be none."""
    with pytest.raises(ClusterError, match="https://exa mple"):
        at("https://exa mple:port").get(PODS, "a")


@pytest.mark.parametrize(
    ("reason", "unavailable", "transient", "denied"),
    [
        ("unreachable", True, True, False),
        ("timeout", True, True, False),
        ("busy", True, True, False),
        ("failed", False, True, False),
        ("expired", False, True, False),
        ("unauthorized", False, False, True),
        ("forbidden", False, False, True),
        ("unserved", False, False, True),
        ("conflict", False, False, False),
        ("exists", False, False, False),
        ("invalid", False, False, False),
        ("config", False, False, False),
    ],
)
def test_an_error_says_whether_to_ask_again(reason: str, unavailable: bool, transient: bool, denied: bool) -> None:
    """Every reason says whether the same request may be sent again, whether waiting helps, and whether rights lack."""
    error = ClusterError("the cluster did not do it.", reason)
    assert (error.unavailable, error.transient, error.denied) == (unavailable, transient, denied)


def test_every_reason_of_an_answer_is_described() -> None:
    """The docstring of the error lists all words that the tables of answers give."""
    given = {word for table in (errors.REASONS, errors.CLASSES, kfp_errors.STATUSES) for word, _ in table.values()}
    assert given <= set(re.findall(r"``(\w+)``", ClusterError.__doc__ or ""))
