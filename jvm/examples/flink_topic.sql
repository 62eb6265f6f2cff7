-- Scores the events of a topic of Kafka with Flink SQL, each once: sql-client.sh -f flink_topic.sql
--
-- Flink's lib/ must hold the model's jar (headrace export MODEL --to jvm) and Kafka's SQL connector. Change the address,
-- the names of topics and the folder of checkpoints, which all task managers must reach.

SET 'execution.runtime-mode' = 'streaming';
SET 'execution.checkpointing.interval' = '1 s';
SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';
SET 'execution.checkpointing.dir' = 'file:///tmp/checkpoints';
SET 'execution.checkpointing.externalized-checkpoint-retention' = 'RETAIN_ON_CANCELLATION';
-- After a failure of the whole cluster, name the last checkpoint, or its answers come a second time:
-- SET 'execution.state-recovery.path' = 'file:///tmp/checkpoints/JOB/chk-NUMBER';

-- The format raw keeps what is no JSON; the format json would fail the job, or lose it in silence.
CREATE TABLE events (
  event_key BYTES,
  content BYTES,
  event_headers MAP<STRING, BYTES> METADATA FROM 'headers',
  event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  event_topic STRING METADATA FROM 'topic' VIRTUAL,
  event_partition INT METADATA FROM 'partition' VIRTUAL,
  event_offset BIGINT METADATA FROM 'offset' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'topic' = 'payments',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.group.id' = 'flink-payments',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'event_key',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY'
);

CREATE TABLE answers (
  event_key BYTES,
  answer STRING,
  answer_headers MAP<STRING, BYTES> METADATA FROM 'headers',
  event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
  'connector' = 'kafka',
  'topic' = 'scores',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'flink-payments-scores',
  -- Not more than the broker's transaction.max.timeout.ms, 15 minutes by default. See the guide.
  'properties.transaction.timeout.ms' = '900000',
  'key.format' = 'raw',
  'key.fields' = 'event_key',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY'
);

CREATE TABLE dead_letters (
  event_key BYTES,
  content BYTES,
  letter_headers MAP<STRING, BYTES> METADATA FROM 'headers',
  event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
  'connector' = 'kafka',
  'topic' = 'scores-dead-letter',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'flink-payments-dead-letter',
  'properties.transaction.timeout.ms' = '900000',
  -- At least what the topic of events takes: a larger letter would fail the job, and again after each restart.
  'properties.max.request.size' = '10485760',
  'key.format' = 'raw',
  'key.fields' = 'event_key',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY'
);

CREATE MODEL scorer
  INPUT (content BYTES)
  OUTPUT (answer STRING, status STRING, violations STRING, reason STRING, model_digest STRING)
  WITH ('provider' = 'headrace', 'input' = 'json');

-- An event without a value deletes the answer of its key in a compacted topic: it is passed on as it is.
CREATE TEMPORARY VIEW scored AS
  SELECT *, content IS NULL AND event_key IS NOT NULL AS is_tombstone
  FROM ML_PREDICT(TABLE events, MODEL scorer, DESCRIPTOR(content));

EXECUTE STATEMENT SET
BEGIN
  INSERT INTO answers
    SELECT event_key, answer,
      MAP_UNION(event_headers, MAP['headrace-partition', ENCODE(CAST(event_partition AS STRING), 'UTF-8'),
                                   'headrace-offset', ENCODE(CAST(event_offset AS STRING), 'UTF-8')]),
      event_time
    FROM scored WHERE status = 'scored' OR is_tombstone;
  INSERT INTO dead_letters
    SELECT event_key, content,
      MAP_UNION(event_headers, MAP['headrace-reason', ENCODE(SPLIT_INDEX(violations, ':', 0), 'UTF-8'),
                                   'headrace-sentence', ENCODE(reason, 'UTF-8'),
                                   'headrace-topic', ENCODE(event_topic, 'UTF-8'),
                                   'headrace-partition', ENCODE(CAST(event_partition AS STRING), 'UTF-8'),
                                   'headrace-offset', ENCODE(CAST(event_offset AS STRING), 'UTF-8'),
                                   'headrace-digest', ENCODE(model_digest, 'UTF-8')]),
      event_time
    FROM scored WHERE status = 'refused' AND NOT is_tombstone;
END;
