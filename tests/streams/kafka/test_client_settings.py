"""Settings of Kafka's clients."""

from pathlib import Path

import pytest

from headrace.core.base.environment_values import KafkaSettings
from headrace.core.base.errors import InputError
from headrace.streams.kafka.client_settings import consumer_settings, producer_settings, read_common


def test_a_user_means_tls_unless_it_is_said(tmp_path: Path) -> None:
    """No password goes over an open line by mistake; the environment wins over the file."""
    login = KafkaSettings(user="u", password="p", ca_file="/ca.pem")
    common = read_common("a:1", login)
    assert common["security.protocol"] == "SASL_SSL"
    assert (common["sasl.mechanism"], common["sasl.password"], common["ssl.ca.location"]) == ("PLAIN", "p", "/ca.pem")
    assert "p" not in repr(login).replace("password", "").split("'")
    path = tmp_path / "kafka.properties"
    path.write_text("# a comment\n\nsasl.username = other\nfetch.wait.max.ms=7\n")
    common = read_common(
        "a:1", KafkaSettings(user="u", password="p", security_protocol="SASL_PLAINTEXT", file=str(path))
    )
    assert (common["sasl.username"], common["security.protocol"], common["fetch.wait.max.ms"]) == (
        "u",
        "SASL_PLAINTEXT",
        "7",
    )
    assert "sasl.username" not in read_common("a:1", KafkaSettings())


@pytest.mark.parametrize("name", ["isolation.level", "enable.auto.commit", "transactional.id", "bootstrap.servers"])
def test_what_exactly_once_rests_on_cannot_be_changed(name: str, tmp_path: Path) -> None:
    """The file may not set it, and what is set last is what is needed."""
    path = tmp_path / "kafka.properties"
    path.write_text(f"{name}=x")
    with pytest.raises(InputError, match=name):
        read_common("a:1", KafkaSettings(file=str(path)))
    consumer = consumer_settings(read_common("a:1", KafkaSettings()), group="g", instance="i")
    assert (consumer["isolation.level"], consumer["enable.auto.commit"]) == ("read_committed", False)
    assert (consumer["auto.offset.reset"], consumer["group.instance.id"]) == ("error", "i")
    assert producer_settings(read_common("a:1", KafkaSettings()), transactional_id="t")["transactional.id"] == "t"


def test_a_line_that_is_no_setting_is_not_repeated(tmp_path: Path) -> None:
    """It may hold a secret."""
    path = tmp_path / "kafka.properties"
    path.write_text("a=b\nsecret\n")
    with pytest.raises(InputError, match="line 2") as refused:
        read_common("a:1", KafkaSettings(file=str(path)))
    assert "secret" not in str(refused.value)
    with pytest.raises(InputError, match="HEADRACE_KAFKA_SETTINGS_FILE"):
        read_common("a:1", KafkaSettings(file=str(tmp_path / "none")))
