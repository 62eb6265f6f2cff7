"""Scoring inside Spark: functions for ``DataFrame.mapInArrow`` that run in Spark's Python workers.

Nothing here imports pyspark: Spark calls the functions with batches of Apache Arrow, and takes such batches back.
"""
