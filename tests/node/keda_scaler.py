"""KEDA's Kafka scaler, played: its formula on the lag of a real broker. Its controllers cannot be had here.

As its documentation and source (2.20) say: the lag of a partition is its end without regard of transactions, less what
the group has committed, or less nothing with ``offsetResetPolicy: earliest`` for a group that has not; their sum is cut
at one threshold for each partition; the autoscaler wants the sum by the threshold, rounded up, within its bounds.
"""

import math
from collections.abc import Mapping
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from tests.real.kafka_server import KafkaServer


def measure_lag(server: KafkaServer, group: str, topic: str) -> dict[int, int]:
    """The lag of a group, by partition."""
    admin = server.admin()
    partitions = [TopicPartition(topic, number) for number in admin.list_topics(topic).topics[topic].partitions]
    specs = {one: OffsetSpec.latest() for one in partitions}
    found = admin.list_offsets(specs, isolation_level=IsolationLevel.READ_UNCOMMITTED)
    ends = {one.partition: future.result(30).offset for one, future in found.items()}
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, partitions)])
    committed = {one.partition: one.offset for one in asked[group].result(30).topic_partitions}
    return {number: end - max(committed[number], 0) for number, end in ends.items()}


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
