"""Typed values of some environment variables."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from headrace.core.base.errors import InputError


@dataclass(frozen=True)
class TrialSettings:
    """The settings of a trial that runs in its own pod.

    Attributes:
        study: URI of the rows, folds and Experiment.
        name: Name of the trial.
        parameters: JSON object of the parameters, each a text.
    """

    study: str
    name: str
    parameters: str


@dataclass(frozen=True)
class KfpSettings:
    """How to reach the API of Kubeflow Pipelines.

    Attributes:
        endpoint: URL of the API, without ``/apis``.
        namespace: The user's namespace, if Kubeflow has several users; else empty.
        token: Bearer token; never shown.
        cookie: Cookie of a browser session, for a login page in front of the API; never shown.
        token_file: File that holds the bearer token, read again for each request; empty for none.
        ca_file: File of trusted certificates; empty for the system's.
    """

    endpoint: str
    namespace: str = ""
    token: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    token_file: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Raise if the endpoint is not a URL.

        Raises:
            InputError: If the endpoint is not a URL.
        """
        parts = urlsplit(self.endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query:
            raise InputError(
                f"HEADRACE_KFP_ENDPOINT must be a URL such as http://127.0.0.1:8888; got {self.endpoint!r} instead."
            )


@dataclass(frozen=True)
class KafkaSettings:
    """How to log in at brokers of Kafka.

    Attributes:
        security_protocol: ``PLAINTEXT``, ``SSL``, ``SASL_PLAINTEXT`` or ``SASL_SSL``; empty for SASL_SSL with a user,
            else PLAINTEXT.
        sasl_mechanism: Such as ``SCRAM-SHA-512``; empty for PLAIN with a user.
        user: Name of the user; empty for none.
        password: The password; never shown.
        ca_file: File of trusted certificates; empty for the system's.
        file: File of further settings, a line ``name=value`` each, in librdkafka's names; empty for none.
    """

    security_protocol: str = ""
    sasl_mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    file: str = ""


@dataclass(frozen=True)
class KsqlSettings:
    """How to log in at a ksqlDB server.

    Attributes:
        user: Name of the user; empty for none.
        password: The password; never shown.
        ca_file: File of trusted certificates; empty for the system's.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""


@dataclass(frozen=True)
class SchemaRegistrySettings:
    """How to log in at a schema registry.

    Attributes:
        user: Name for basic authentication, or the name of an API key; empty for none.
        password: Its password; never shown.
        token: Bearer token, instead of both; never shown.
        ca_file: File of trusted certificates; empty for the system's.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_file: str = ""


@dataclass(frozen=True)
class Login:
    """The login at a registry.

    Attributes:
        user: Name for basic authentication; empty for none.
        password: Its password; never shown.
        token: Bearer token, instead of both; never shown.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def positive(name: str, text: str, default: int) -> int:
    """Return a positive whole number from the environment.

    Args:
        name: Name of the variable, for messages.
        text: Its value; empty when unset.
        default: The value when unset.

    Raises:
        InputError: If the value is not a positive whole number.
    """
    if text and (not text.isdecimal() or int(text) == 0):
        raise InputError(f"{name} must be a positive whole number; got {text!r} instead.")
    return int(text or default)
