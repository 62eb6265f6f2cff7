"""Kubernetes and the platforms on it through their APIs: errors in one sentence, objects as plain values.

``api.kubeconfig.connect`` returns an ``api.client.Cluster``: ``get``, ``list``, ``create``, ``apply``, ``patch``,
``patch_status``, ``delete``. Other modules of ``api`` take it as the first argument: ``watch`` (wait for a change, with
a deadline), ``pods`` (logs and events), ``access_review`` (may I?) and ``discovery`` (which version, which kinds).
``api.kinds`` lists the kinds that Headrace uses. ``kfp`` is the API of Kubeflow Pipelines, which is separate.
"""
