"""Steps from a model to an endpoint: bundle, registry, deployment, verification, rollout, scoring."""
