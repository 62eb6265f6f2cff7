"""Logins and certificates on a real broker: who is let in, and what the others are told."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from tests.conftest import headrace
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.streams.made_certificates import Authority
from tests.streams.made_streams import GOOD, bundle_folder

pytestmark = pytest.mark.kafka
_PASSWORD = "correct horse"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True)
class Guarded:
    """A broker whose listeners want TLS: SCRAM with a login, MUTUAL with a certificate; two have a bad certificate."""

    server: KafkaServer
    folder: Path
    trusted: Authority

    def stream(self, listener: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Score what is there through a listener."""
        address = self.server.addresses[listener]
        places = ("--from", f"kafka://{address}/events", "--to", f"kafka://{address}/answers", "--until-end")
        return headrace("stream", str(bundle_folder()), *places, "--group", listener.lower(), **environment)

    def login(self, user: str = "scorer", password: str = _PASSWORD) -> dict[str, str]:
        """A login by SCRAM, and the authority."""
        return {
            "HEADRACE_KAFKA_USER": user,
            "HEADRACE_KAFKA_PASSWORD": password,
            "HEADRACE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "HEADRACE_KAFKA_CA_FILE": str(self.trusted.path),
        }

    def certificate(self, path: Path | None) -> dict[str, str]:
        """A certificate of a client, with its key; None for none."""
        lines = ["security.protocol=SSL"]
        if path:
            lines += [f"ssl.certificate.location={path}", f"ssl.key.location={path}"]
        settings = self.folder / f"{path.stem if path else 'none'}.properties"
        settings.write_text("\n".join(lines))
        return {"HEADRACE_KAFKA_SETTINGS_FILE": str(settings), "HEADRACE_KAFKA_CA_FILE": str(self.trusted.path)}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The broker, with an event in its topic."""
    folder = tmp_path_factory.mktemp("certificates")
    trusted = Authority(folder, "authority")
    stores = {
        "SCRAM": trusted.issue("broker"),
        "MUTUAL": trusted.issue("broker-2"),
        "NAMED": trusted.issue("other", host="broker.example"),
        "EXPIRED": trusted.issue("expired", days=-1),
    }
    protocols = dict.fromkeys(stores, "SASL_SSL") | {"MUTUAL": "SSL"}
    settings = {}
    for name, store in stores.items():
        prefix = f"listener_name_{name.lower()}"
        settings[f"{prefix}_ssl_keystore_type"] = settings[f"{prefix}_ssl_truststore_type"] = "PEM"
        settings[f"{prefix}_ssl_keystore_location"] = str(store)
        settings[f"{prefix}_ssl_truststore_location"] = str(trusted.path)
        settings[f"{prefix}_sasl_enabled_mechanisms"] = "SCRAM-SHA-512"
        settings[f"{prefix}_scram-sha-512_sasl_jaas_config"] = _SCRAM
    settings["listener_name_mutual_ssl_client_auth"] = "required"
    with kafka_server(protocols, **settings) as server:
        server.create("events", "answers", "answers-dead-letter", partitions=1)
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion("scorer", credential, _PASSWORD.encode())
        admin = server.admin()
        for future in admin.alter_user_scram_credentials([change]).values():
            future.result(30)
        producer = server.producer()
        producer.produce("events", GOOD, b"k")
        producer.flush()
        yield Guarded(server, folder, trusted)


def test_a_login_by_scram_over_tls_and_a_certificate_are_let_in(guarded: Guarded) -> None:
    """Each group answers the event."""
    for listener, environment in (
        ("SCRAM", guarded.login()),
        ("MUTUAL", guarded.certificate(guarded.trusted.issue("client"))),
    ):
        ended = guarded.stream(listener, **environment)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.startswith("1 event, 1 answer"), ended.stdout


def test_who_is_not_let_in_is_told_why_at_once(guarded: Guarded) -> None:
    """One sentence each, exit code 2, and neither the password nor a stack trace in it."""
    stranger = Authority(guarded.folder, "stranger")
    foreign = {**guarded.login(), "HEADRACE_KAFKA_CA_FILE": str(stranger.path)}
    theirs, ours = "for its host name, which has not expired", "accept the certificate of this client"
    cases = [
        ("SCRAM", guarded.login(password="wrong horse"), "accept the login"),
        ("SCRAM", guarded.login(user="nobody"), "accept the login"),
        ("SCRAM", foreign, theirs),
        ("NAMED", guarded.login(), theirs),
        ("EXPIRED", guarded.login(), theirs),
        ("MUTUAL", guarded.certificate(None), ours),
        ("MUTUAL", guarded.certificate(stranger.issue("foreign")), ours),
        ("MUTUAL", guarded.certificate(guarded.trusted.issue("old", days=-1)), ours),
    ]
    before = len(guarded.server.read("answers"))
    for listener, environment, reason in cases:
        ended = guarded.stream(listener, **environment)
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert reason in ended.stderr, (listener, ended.stderr)
        assert "horse" not in ended.stderr
        assert "Traceback" not in ended.stderr
        assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert len(guarded.server.read("answers")) == before
