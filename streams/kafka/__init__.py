"""The port on Apache Kafka."""
