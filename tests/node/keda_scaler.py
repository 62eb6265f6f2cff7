"""KEDA's Kafka scaler, played: its formula on the lag of a real broker. Its controllers cannot be had here.

As its documentation and source (2.20) say: the lag of a partition is its end without regard of transactions, less what
the group has committed, or less nothing with ``offsetResetPolicy: earliest`` for a group that has not; their sum is cut
at one threshold for each partition; the autoscaler wants the sum by the threshold, rounded up, within its bounds.
"""

import math
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.real.kafka_server import KafkaServer

_NOT_YET = {KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR}


def measure_lag(server: KafkaServer, group: str, topic: str) -> dict[int, int]:
    """The lag of a group, by partition."""
    admin = server.admin()
    partitions = [TopicPartition(topic, number) for number in admin.list_topics(topic).topics[topic].partitions]
    specs = {one: OffsetSpec.latest() for one in partitions}
    found = admin.list_offsets(specs, isolation_level=IsolationLevel.READ_UNCOMMITTED)
    ends = {one.partition: future.result(30).offset for one, future in found.items()}
    committed = _read_committed(admin, ConsumerGroupTopicPartitions(group, partitions))
    return {number: end - max(committed[number], 0) for number, end in ends.items()}


def _read_committed(admin: AdminClient, asked: ConsumerGroupTopicPartitions) -> dict[int, int]:
    """What a group has committed, once the broker has loaded what groups have; negative where it has nothing."""
    deadline = time.monotonic() + 60
    while True:
        try:
            found = admin.list_consumer_group_offsets([asked])[asked.group_id].result(30)
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return {one.partition: one.offset for one in found.topic_partitions}


def choose_replicas(scaled_object: Mapping[str, Any], lag: Mapping[int, int]) -> int:
    """The number of workers that KEDA's autoscaler wants.

    Args:
        scaled_object: The ScaledObject.
        lag: As ``measure_lag`` returns it.
    """
    spec = scaled_object["spec"]
    (trigger,) = spec["triggers"]
    assert trigger["type"] == "kafka"
    metadata = trigger["metadata"]
    assert (metadata["offsetResetPolicy"], metadata["allowIdleConsumers"]) == ("earliest", "false")
    assert metadata["excludePersistentLag"] == "false"
    threshold = int(metadata["lagThreshold"])
    total = min(sum(lag.values()), len(lag) * threshold)
    return max(spec["minReplicaCount"], min(spec["maxReplicaCount"], math.ceil(total / threshold)))
