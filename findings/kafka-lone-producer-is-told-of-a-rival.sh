#!/usr/bin/env bash
# A transactional producer that is alone, confluent-kafka 2.16.1 (librdkafka 2.16.0), Kafka 4.4.0. Its transaction takes longer than
# transaction.timeout.ms, and the broker aborts it. Guess: the commit that comes too late is refused as timed out, an error that
# begins a transaction anew, apart from that of a producer whose place a second one of the same transactional id took. Seen: both
# are the same fatal error _FENCED in the same words, "fenced by a newer instance", though no other instance ever was. Nothing in
# the error tells them apart: whoever ends a worker at a fence ends it after each long pause, too.
set -euo pipefail
command -v java >/dev/null && command -v mvn >/dev/null || { echo "needs Java 17 and Maven"; exit 1; }
folder=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null; wait; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check confluent-kafka==2.16.1
cat > pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>seen</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>4.4.0</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DoutputDirectory=jars
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
controller=$(free_port)
cat > server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
log.dirs=data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
PROPERTIES
run() { java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m -cp 'jars/*' "$@"; }
run kafka.tools.StorageTool format -t "$(run kafka.tools.StorageTool random-uuid 2>/dev/null)" -c server.properties >format.log 2>&1
java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m -cp 'jars/*' kafka.Kafka server.properties >broker.log 2>&1 & broker=$!
cat > producers.py <<'PYTHON'
import sys
import time

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

address = sys.argv[1]
admin = AdminClient({"bootstrap.servers": address})
admin.list_topics(timeout=60)
for future in admin.create_topics([NewTopic("t", 1, 1)]).values():
    future.result(30)


def begin(name, timeout):
    producer = Producer(
        {"bootstrap.servers": address, "transactional.id": name, "transaction.timeout.ms": timeout,
         "message.timeout.ms": timeout, "log_level": 0}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce("t", b"1", partition=0)
    producer.flush(10)
    return producer


def commit(what, producer):
    try:
        producer.commit_transaction(20)
    except KafkaException as raised:
        error = raised.args[0]
        print(f"{what}: {error.name()}, fatal {error.fatal()}, {error.str()}")
    else:
        print(f"{what}: committed")


alone = begin("alone", 2000)
time.sleep(8)
commit("alone, too late", alone)
former = begin("shared", 60000)
newer = begin("shared", 60000)
commit("replaced by another", former)
PYTHON
for _ in $(seq 300); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.2; done
venv/bin/python producers.py "127.0.0.1:$port" 2>client.log | tee seen.txt || { cat client.log; exit 1; }
said='_FENCED, fatal True, Failed to end transaction: Local: This instance has been fenced by a newer instance'
grep -qF "replaced by another: $said" seen.txt || { echo "changed: a producer that was replaced is told otherwise now"; exit 1; }
grep -qF "alone, too late: $said" seen.txt || { echo "changed: a transaction that took too long has an error of its own now"; exit 1; }
