"""The deployer for a cluster: KServe's InferenceServices."""

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from headrace.cluster.api.client import MANAGER, Cluster, Document
from headrace.cluster.api.field_ownership import owned_fields_of
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.cluster.api.lease import LeaseClaim, LeaseLostError, hold_claim
from headrace.core.base.errors import BundleError, ClusterError, HeadraceError, InputError, MissingError, StoreError
from headrace.core.base.remedies import missing_store
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import open_bundle
from headrace.core.inference import engine
from headrace.core.mojo.mojo_description import MODEL
from headrace.core.runtime.signals import ended_by_sigterm
from headrace.serving.deployment import kserve_spec, kserve_status
from headrace.serving.deployment.kserve_mode import resolve_mode
from headrace.serving.deployment.kserve_spec import MODE
from headrace.serving.deployment.kserve_wait import SupersededError, VersionWait, WaitGoal, WaitTimeouts
from headrace.serving.deployment.local import Endpoint
from headrace.serving.deployment.recovery import claim_of, undo
from headrace.serving.deployment.target import DeploymentTarget
from headrace.serving.deployment.verify import describe_failures, verify
from headrace.stores.bundles.bundle_store import fetch, list_files

_GONE_SECONDS = 120.0
_OTHER_VERSION = "other-version"
_REFUSED = {"busy", "conflict", "forbidden", "invalid", "unauthorized", "unserved"}


@dataclass(frozen=True)
class KServeDeployer:
    """A ``Deployer`` on KServe; the protocol states its guarantees.

    Before ``deploy`` returns, it sends every test case of the bundle through the model's real route, because gateways
    and routers that Headrace does not control stand between the client and the server.

    Attributes:
        cluster: The cluster and the namespace.
        store: The object store, from which the test cases are read; None if nothing is deployed.
        target: How models are served; ``gateway`` is empty for a client inside the cluster.
        timeouts: Timeouts.
        say: Called with a few words about progress.
    """

    cluster: Cluster
    store: StoreSettings | None
    target: DeploymentTarget = field(default_factory=lambda: DeploymentTarget("kserve"))
    timeouts: WaitTimeouts = field(default_factory=WaitTimeouts)
    say: Callable[[str], None] = lambda _: None

    platform = "kserve"

    def deploy(self, uri: str, *, name: str = "") -> Endpoint:
        """Serve the bundle at ``uri``, the address that ``publish`` returned.

        Raises:
            InputError: If the address, the name or the mode is invalid, or a rollout is under way.
            ClusterError: If the version does not come up; the sentence says why, and which version answers now.
        """
        model_name, _ = kserve_spec.parse_published_uri(uri)
        name = kserve_spec.checked_name(name or model_name)
        self.refuse_mojo(uri)
        before = self.cluster.get(INFERENCE_SERVICES, name)
        self._refuse(before, name)
        return self._deploy(self._document(name, uri, before), uri, before)

    def replace(self, uri: str, *, name: str, former: str) -> Endpoint:
        """Serve the bundle at ``uri`` in place of another one, with the settings that the endpoint has.

        Args:
            uri: Address of the bundle that takes over.
            name: Name of the endpoint.
            former: Digest of the bundle that it serves now; nothing changes if it serves ``uri`` already.

        Raises:
            InputError: If there is no such endpoint, Headrace did not deploy it, it serves a third version, or a
                rollout is under way.
            ClusterError: As ``deploy``.
        """
        self.refuse_mojo(uri)
        before, namespace = self.cluster.get(INFERENCE_SERVICES, name), self.cluster.namespace
        if before is None:
            raise InputError(
                f"there is no InferenceService {name} in {namespace}: name the endpoint that serves {former[:12]}."
            )
        self._refuse(before, name)
        owned, source = owned_fields_of(before), kserve_status.source(before)
        digest = kserve_spec.parse_published_uri(uri)[1]
        if owned is None or not kserve_status.source(owned):
            raise InputError(
                f"the InferenceService {name} must have been deployed by headrace; take it over first with "
                f"headrace deploy {source or 'MODEL'} --name {name} --force-conflicts."
            )
        if not any(one in source for one in (former, digest)):
            raise InputError(
                f"the endpoint {name} in {namespace} must serve {former[:12]}, which is to be replaced; it serves "
                f"{source or 'nothing'}: name the right endpoint."
            )
        return self._deploy(kserve_spec.serving(owned, uri), uri, before)

    def refuse_mojo(self, uri: str) -> None:
        """Raise if the bundle at ``uri`` needs Java, which the suite's image has not.

        Raises:
            InputError: If it does.
        """
        held: frozenset[str] = frozenset()
        if self.store is not None:
            # An address without a bundle is reported by what deploys it.
            with contextlib.suppress(MissingError, BundleError, StoreError):
                held = list_files(uri, settings=self.store)
        if MODEL in held and engine.FILE not in held:
            raise InputError(
                f"a model on KServe must run in the suite's image, which has no Java; {uri} is scored as {MODEL}: "
                "deploy a model with an ONNX form, or serve it on a machine with Java (headrace serve)."
            )

    def _deploy(self, document: Document, uri: str, before: Document | None) -> Endpoint:
        name, digest = str(document["metadata"]["name"]), kserve_spec.parse_published_uri(uri)[1]
        before_digest = self._digest(before, name)
        with ended_by_sigterm():
            subject = claim_of(self.cluster, before, document, before_digest)
            with hold_claim(self.cluster, subject) as claim:
                applied = self._apply(document, claim)
                try:
                    service, url = self._wait_until_verified(goal(applied, uri, digest, before), claim)
                    claim.end()
                except SupersededError:
                    claim.end()
                    raise
                except LeaseLostError as error:
                    self._undo_late_apply(error, claim, applied)
                    raise
                except HeadraceError as error:
                    outcome = self._restore(claim, applied)
                    raise _failure(error, name, digest, outcome) from error
                except BaseException:
                    self._put_back(claim, applied)
                    raise
        return Endpoint(
            url=url,
            name=name,
            digest=digest,
            platform=self.platform,
            namespace=self.cluster.namespace,
            mode=kserve_status.mode(service),
            before=before_digest,
            changed=before is None or before["metadata"]["generation"] != applied["metadata"]["generation"],
        )

    def undeploy(self, endpoint: Endpoint) -> None:
        """Delete the InferenceService and wait until it is gone.

        Raises:
            ClusterError: If the cluster refuses, or the InferenceService stays.
        """
        self.cluster.delete(INFERENCE_SERVICES, endpoint.name)
        deadline = time.monotonic() + _GONE_SECONDS
        while self.cluster.get(INFERENCE_SERVICES, endpoint.name) is not None:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"the InferenceService {endpoint.name} must be gone {_GONE_SECONDS:.0f} s after its deletion; it "
                    "is still there: look at its finalizers with kubectl describe."
                )
            time.sleep(self.timeouts.every_seconds)

    def manifest(self, uri: str, *, name: str = "") -> Document:
        """Return the InferenceService as it would be sent."""
        name = kserve_spec.checked_name(name or kserve_spec.parse_published_uri(uri)[0])
        return self._document(name, uri, self.cluster.get(INFERENCE_SERVICES, name))

    def version_wait(self, check: Callable[[], None] = lambda: None) -> VersionWait:
        """Return a ``VersionWait`` with this deployer's timeouts; it calls ``check``, which may raise, at each poll."""
        return VersionWait(self.cluster, self.timeouts, gateway=self.target.gateway, say=self.say, check=check)

    def _refuse(self, before: Document | None, name: str) -> None:
        if before is None:
            return
        if kserve_status.split(before):
            raise InputError(
                f"a rollout of {name} is under way: end it with headrace rollout {name} --abort, or wait for its end."
            )
        mode = kserve_status.mode(before)
        if self.target.mode and mode and mode != self.target.mode:
            raise InputError(
                f"{name} runs in the mode {mode}, which KServe does not change: omit --mode, or remove {name} first."
            )

    def _document(self, name: str, uri: str, before: Document | None) -> Document:
        predictor = kserve_status.predictor(before) if before else ""
        document = kserve_spec.build(name, uri, target=self.target, predictor=predictor)
        # Repeat the mode in the InferenceService's own spelling: KServe refuses a synonym as a change of mode.
        mode = (
            (before["metadata"].get("annotations") or {}).get(MODE, "")
            if before
            else resolve_mode(self.cluster, self.target.mode)
        )
        if mode:
            document["metadata"]["annotations"] = {MODE: mode}
        return document

    def _digest(self, service: Document | None, name: str) -> str:
        """Return the digest of the version that answers now; empty if none does."""
        if service is None:
            return ""
        try:
            return self.version_wait().digests(service, name, 1)[0]
        except InputError:
            return ""

    def _wait_until_verified(self, version: WaitGoal, claim: LeaseClaim) -> tuple[Document, str]:
        """Wait until a version answers on its route, send its test cases, and return the service then and the URL.

        A route may give a request to a pod of the version before even after several were answered by this one, for
        each node learns in its own time which pods there are: then wait on.
        """
        waiting = self.version_wait(claim.check)
        deadline = time.monotonic() + self.timeouts.deadline_seconds
        while True:
            service = waiting.until_answering(version)
            try:
                return service, self.verify_route(waiting.url(service, version.name), version.uri)
            except ClusterError as error:
                if error.reason != _OTHER_VERSION or time.monotonic() > deadline:
                    raise
            time.sleep(self.timeouts.every_seconds)

    def verify_route(self, url: str, uri: str) -> str:
        """Send a bundle's test cases through a route.

        Args:
            url: URL of V1 predictions.
            uri: Store URI of the bundle.

        Returns:
            The same URL.

        Raises:
            InputError: If there is no object store.
            ClusterError: If an answer differs from the bundle's.
        """
        if self.store is None:
            raise missing_store("a version is verified by its bundle's test cases")
        with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
            bundle = open_bundle(fetch(uri, Path(scratch) / "bundle", settings=self.store))
            result = verify(url, bundle=bundle, gateway=self.target.gateway)
        if result["failures"]:
            reason = "failed" if result["digest"] == bundle.digest else _OTHER_VERSION
            failures = describe_failures(result["failures"])
            raise ClusterError(f"the endpoint {url} does not answer as the bundle says: {failures}", reason)
        self.say("1 test case" if result["cases"] == 1 else f"{result['cases']} test cases")
        return url

    def _apply(self, document: Document, claim: LeaseClaim) -> Document:
        """Apply the InferenceService; if it is unknown whether the server did so, keep the claim for the cleanup."""
        try:
            return self.cluster.apply(document, force=self.target.force_conflicts)
        except ClusterError as error:
            # The server said no, so nothing was applied. After a timeout or a lost connection nobody knows.
            if error.reason in _REFUSED:
                claim.end()
            raise

    def _put_back(self, claim: LeaseClaim, applied: Document) -> None:
        """Undo the change without waiting for its effect, unless another process has claimed the object since."""
        claim.confirm()
        undo(self.cluster, claim.about, uid=str(applied["metadata"]["uid"]), force=self.target.force_conflicts)
        claim.end()

    def _undo_late_apply(self, error: LeaseLostError, claim: LeaseClaim, applied: Document) -> None:
        """Undo a change that this process applied after a cleanup had removed its claim, because it slept for long."""
        service = self.cluster.get(INFERENCE_SERVICES, claim.about.name)
        same = service and all(service["metadata"][key] == applied["metadata"][key] for key in ("uid", "generation"))
        if error.gone and same:
            undo(self.cluster, claim.about, uid=str(applied["metadata"]["uid"]), force=self.target.force_conflicts)

    def _restore(self, claim: LeaseClaim, applied: Document) -> str:
        """Undo the change and wait until the former version answers.

        Returns:
            The resulting state, as a clause.
        """
        name, before, before_digest = claim.about.name, claim.about.before, claim.about.answered
        try:
            failing = self.cluster.get(INFERENCE_SERVICES, name) or applied
            self._put_back(claim, applied)
            if before is None:
                return f"{name}, which did not exist before, was deleted again"
            if not before_digest:
                return f"{name} was restored to its former state, which did not answer either"
            self.say(f"restoring {before_digest[:12]}")
            service = self.cluster.get(INFERENCE_SERVICES, name) or applied
            self.version_wait().until_answering(goal(service, kserve_status.source(before), before_digest, failing))
        except HeadraceError as error:
            return f"and its former state could not be restored: {str(error).rstrip('.')}"
        return f"{name} answers with {before_digest[:12]} as before"


def goal(applied: Document, uri: str, digest: str, before: Document | None) -> WaitGoal:
    """Return the state to wait for after an InferenceService was applied.

    Args:
        applied: The InferenceService, as the server returned it.
        uri: Address of the bundle.
        digest: Digest that its servers must report.
        before: The InferenceService before the change; None if there was none.
    """
    metadata = applied["metadata"]
    times = [str(entry.get("time", "")) for entry in metadata.get("managedFields") or [] if entry["manager"] == MANAGER]
    model_status = kserve_status.status(before or {}).get("modelStatus") or {}
    return WaitGoal(
        name=str(metadata["name"]),
        uri=uri,
        digest=digest,
        uid=str(metadata["uid"]),
        known=dict(model_status),
        since=max(times, default=""),
    )


def _failure(error: HeadraceError, name: str, digest: str, outcome: str) -> HeadraceError:
    """Return an error that says in one sentence what went wrong and what the state is now."""
    text = f"{name} must answer with {digest[:12]}, but {str(error).rstrip('.')}; {outcome}."
    return ClusterError(text, error.reason) if isinstance(error, ClusterError) else type(error)(text)
