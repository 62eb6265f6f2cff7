"""A real Kafka broker for tests: jars of Maven Central, a temporary folder, free loopback ports."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from headrace.core.runtime.processes import free_port
from tests.real_parts import missing

REPOSITORY = Path(__file__).parents[2]
_COMMAND = "mvn -q -f tests/real/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$PWD/build/kafka"
_READY_SECONDS = 90


def classpath() -> str:
    """The jars of a broker; without them or Java the test is skipped, or fails in CI.

    ``HEADRACE_TEST_KAFKA`` may name the folder of the jars.
    """
    folder = Path(os.environ.get("HEADRACE_TEST_KAFKA", "") or REPOSITORY / "build" / "kafka")
    if not shutil.which("java"):
        missing("no Java: apt-get install openjdk-17-jre-headless")
    if not any(folder.glob("kafka_2.13-*.jar")):
        missing(f"no Kafka: {_COMMAND}")
    return f"{folder}/*"


class KafkaServer:
    """A broker process that can be killed and started again with its data.

    Attributes:
        address: Host and port of the listener without credentials.
        secure_address: Host and port of the listener that wants SASL PLAIN.
        addresses: Hosts and ports of further listeners, by name.
    """

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, str],
        listeners: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """Format its folder.

        Args:
            home: Its folder.
            settings: Properties that are added.
            listeners: Protocols of further listeners, by name; ``settings`` says the rest of them.
            host: Address of this machine at which it listens.
        """
        further = dict(listeners or {})
        self.addresses = {name: f"{host}:{free_port()}" for name in further}
        places = "".join(f",{name}://{address}" for name, address in self.addresses.items())
        known = {"PLAINTEXT": "PLAINTEXT", "SECURE": "SASL_PLAINTEXT", "CONTROLLER": "PLAINTEXT", **further}
        self._home, self._jars = home, classpath()
        self.address = f"{host}:{free_port()}"
        self.secure_address = f"{host}:{free_port()}"
        controller = f"127.0.0.1:{free_port()}"
        users = 'username="admin" password="admin-secret" user_admin="admin-secret" user_reader="reader-secret";'
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.address},SECURE://{self.secure_address},CONTROLLER://{controller}{places}",
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in known.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.name.secure.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.secure.plain.sasl.jaas.config": f"{module} {users}",
            "log.dirs": str(home / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            **settings,
        }
        (home / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        (home / "log4j2.properties").write_text(
            "appender.c.type=Console\nappender.c.name=C\nappender.c.layout.type=PatternLayout\n"
            "appender.c.layout.pattern=%d %p %m (%c)%n\nrootLogger.level=info\nrootLogger.appenderRef.c.ref=C\n"
        )
        identity = subprocess.run(self._java("kafka.tools.StorageTool", "random-uuid"), capture_output=True, check=True)
        name = identity.stdout.decode().strip().splitlines()[-1]
        formatted = self._java("kafka.tools.StorageTool", "format", "-t", name, "-c", str(home / "server.properties"))
        subprocess.run(formatted, capture_output=True, check=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = home / "log"

    def _java(self, *arguments: str) -> list[str]:
        options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m"]
        log = f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}"
        return ["java", *options, log, "-cp", self._jars, *arguments]

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self.log.open("wb") as stream:
            command = self._java("kafka.Kafka", str(self._home / "server.properties"))
            self.process = subprocess.Popen(command, cwd=self._home, stdout=stream, stderr=stream)
        deadline = time.monotonic() + _READY_SECONDS
        while b"Kafka Server started" not in self.log.read_bytes():
            assert self.process.poll() is None, self.log.read_text()[-5000:]
            assert time.monotonic() < deadline, self.log.read_text()[-5000:]
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process = None

    def admin(self) -> AdminClient:
        """A client for its topics."""
        return AdminClient({"bootstrap.servers": self.address})

    def create(self, *topics: str, partitions: int = 3, **config: str) -> None:
        """Create topics."""
        admin = self.admin()
        named = {name.replace("_", "."): value for name, value in config.items()}
        made = [NewTopic(topic, partitions, 1, config=named) for topic in topics]
        for future in admin.create_topics(made).values():
            future.result(60)

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        admin = self.admin()
        for future in admin.create_partitions([NewPartitions(topic, partitions)]).values():
            future.result(60)

    def producer(self, **config: Any) -> Producer:
        """A producer, of which no batch overtakes another that is sent again."""
        settings = {"bootstrap.servers": self.address, "message.max.bytes": 20 << 20, "enable.idempotence": True}
        return Producer({**settings, **config})

    def read(self, topic: str, *, seconds: float = 60) -> list[Any]:
        """All committed messages of a topic, by partition and offset, once no transaction is open."""
        config = {
            "bootstrap.servers": self.address,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
        consumer, found = Consumer(config), []
        try:
            partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
            # What a reader sees ends where a transaction is open; wait until that is the end.
            deadline = time.monotonic() + seconds
            consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
            ended: set[int] = set()
            while len(ended) < len(partitions):
                assert time.monotonic() < deadline, f"{topic} has no end after {seconds} s"
                for message in consumer.consume(1000, 0.5):
                    error = message.error()
                    if error is None:
                        found.append(message)
                    elif error.name() == "_PARTITION_EOF":
                        ended.add(message.partition())
                    else:
                        raise KafkaException(error)
        finally:
            consumer.close()
        return sorted(found, key=lambda message: (message.partition(), message.offset()))


@contextlib.contextmanager
def kafka_server(
    listeners: Mapping[str, str] | None = None, host: str = "127.0.0.1", **settings: str
) -> Iterator[KafkaServer]:
    """Run a broker for the length of the block; see ``KafkaServer``.

    Args:
        listeners: Protocols of further listeners, by name.
        host: Address of this machine at which it listens.
        **settings: Its settings, with underscores for dots.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-kafka-", ignore_cleanup_errors=True) as folder:
        named = {name.replace("_", "."): value for name, value in settings.items()}
        server = KafkaServer(Path(folder), named, listeners, host)
        try:
            server.start()
            yield server
        finally:
            server.kill()
