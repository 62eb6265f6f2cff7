"""Kubernetes and the platforms on it, reached by their APIs: errors in one sentence, objects as plain values.

The way in is ``connecting.connect``, which gives a ``client.Cluster``: ``get``, ``list``, ``create``, ``apply``,
``patch``, ``patch_status``, ``delete``. What else is asked of a cluster stands beside it and takes it as its first
argument: ``following`` (wait for a change, with a deadline), ``pods`` (logs and events), ``rights`` (may I?) and
``discovery`` (which version, which kinds). ``kinds`` names what Headrace works with. ``kfp`` is the API of Kubeflow
Pipelines, which is not Kubernetes' own.
"""
