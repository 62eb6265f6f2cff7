"""The deployer for a cluster: KServe's InferenceServices."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from headrace.cluster.api.client import MANAGER, Cluster, Document
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.cluster.api.lease import Claim, LostError, claimed
from headrace.core.base.errors import ClusterError, HeadraceError, InputError
from headrace.core.base.remedies import missing_store
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import open_bundle
from headrace.core.runtime.signals import ended_by_sigterm
from headrace.serving.deployment import kserve_spec, kserve_status
from headrace.serving.deployment.kserve_mode import found_mode
from headrace.serving.deployment.kserve_spec import MODE
from headrace.serving.deployment.kserve_wait import Goal, OvertakenError, Patience, Waiting
from headrace.serving.deployment.local import Endpoint
from headrace.serving.deployment.recovery import claim_of, undo
from headrace.serving.deployment.target import DeploymentTarget
from headrace.serving.deployment.verify import told, verify
from headrace.stores.bundles.bundle_store import fetch

_GONE_SECONDS = 120.0
_OTHER_VERSION = "other-version"
_REFUSED = {"busy", "conflict", "forbidden", "invalid", "unauthorized", "unserved"}


@dataclass(frozen=True)
class KServeDeployer:
    """A ``Deployer`` on KServe; what it promises stands there.

    Before ``deploy`` returns, every test case of the bundle was asked through the model's real route, because the way
    to the server is not Headrace's own.

    Attributes:
        cluster: Where, and in which namespace.
        store: The object store, from which the test cases are read; None where nothing is deployed.
        target: How models are served; its ``via`` empty for one inside of the cluster.
        patience: How long things may take.
        say: Told in a few words what is waited for.
    """

    cluster: Cluster
    store: StoreSettings | None
    target: DeploymentTarget = field(default_factory=lambda: DeploymentTarget("kserve"))
    patience: Patience = field(default_factory=Patience)
    say: Callable[[str], None] = lambda _: None

    to = "kserve"

    def deploy(self, uri: str, *, name: str = "") -> Endpoint:
        """Serve the bundle at ``uri``, the address that ``publish`` returned.

        Raises:
            InputError: If the address, the name or the mode cannot be, or a rollout is under way.
            ClusterError: If the version does not come up; the sentence says why, and what answers now.
        """
        own, digest = kserve_spec.published(uri)
        name = kserve_spec.checked_name(name or own)
        before = self.cluster.get(INFERENCE_SERVICES, name)
        self._refuse(before, name)
        answered = self._digest(before, name)
        with ended_by_sigterm():
            document = self._document(name, uri, before)
            about = claim_of(self.cluster, before, document, answered)
            with claimed(self.cluster, about) as claim:
                applied = self._applied(document, claim)
                try:
                    service, url = self._until_verified(goal(applied, uri, digest, before), claim)
                    claim.end()
                except OvertakenError:
                    claim.end()
                    raise
                except LostError as error:
                    self._lost(error, claim, applied)
                    raise
                except HeadraceError as error:
                    ended = self._restore(claim, applied)
                    raise _failed(error, name, digest, ended) from error
                except BaseException:
                    self._put_back(claim, applied)
                    raise
        return Endpoint(
            url=url,
            name=name,
            digest=digest,
            to=self.to,
            namespace=self.cluster.namespace,
            mode=kserve_status.mode(service),
            before=answered,
            changed=before is None or before["metadata"]["generation"] != applied["metadata"]["generation"],
        )

    def undeploy(self, endpoint: Endpoint) -> None:
        """Delete the InferenceService and wait until it is gone.

        Raises:
            ClusterError: If it is refused, or does not go.
        """
        self.cluster.delete(INFERENCE_SERVICES, endpoint.name)
        deadline = time.monotonic() + _GONE_SECONDS
        while self.cluster.get(INFERENCE_SERVICES, endpoint.name) is not None:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"the InferenceService {endpoint.name} must be gone {_GONE_SECONDS:.0f} s after its deletion; it "
                    "is still there: look at its finalizers with kubectl describe."
                )
            time.sleep(self.patience.every_seconds)

    def manifest(self, uri: str, *, name: str = "") -> Document:
        """The InferenceService as it would be sent."""
        name = kserve_spec.checked_name(name or kserve_spec.published(uri)[0])
        return self._document(name, uri, self.cluster.get(INFERENCE_SERVICES, name))

    def waiting(self, check: Callable[[], None] = lambda: None) -> Waiting:
        """What waits for a version, with the patience of the options, as long as ``check`` raises nothing."""
        return Waiting(self.cluster, self.patience, via=self.target.via, say=self.say, check=check)

    def _refuse(self, before: Document | None, name: str) -> None:
        if before is None:
            return
        if kserve_status.split(before):
            raise InputError(
                f"a rollout of {name} is under way: end it with headrace rollout {name} --abort, or wait for its end."
            )
        found = kserve_status.mode(before)
        if self.target.mode and found and found != self.target.mode:
            raise InputError(
                f"{name} runs in the mode {found}, which KServe does not change: leave --mode away, or remove it first."
            )

    def _document(self, name: str, uri: str, before: Document | None) -> Document:
        predictor = kserve_status.predictor(before) if before else ""
        document = kserve_spec.build(name, uri, target=self.target, predictor=predictor)
        # What an InferenceService says of its mode is repeated letter by letter: KServe refuses another word for it.
        mode = (
            (before["metadata"].get("annotations") or {}).get(MODE, "")
            if before
            else found_mode(self.cluster, self.target.mode)
        )
        if mode:
            document["metadata"]["annotations"] = {MODE: mode}
        return document

    def _digest(self, service: Document | None, name: str) -> str:
        """What answers now; empty if nothing does."""
        if service is None:
            return ""
        try:
            return self.waiting().digests(service, name, 1)[0]
        except InputError:
            return ""

    def _until_verified(self, wanted: Goal, claim: Claim) -> tuple[Document, str]:
        """Wait until a version answers on its route, and ask its test cases there; the service then, and the URL.

        A route may give a request to a pod of the version before even after several were answered by this one, for
        each node learns in its own time which pods there are: then it is waited on.
        """
        waiting = self.waiting(claim.check)
        deadline = time.monotonic() + self.patience.deadline_seconds
        while True:
            service = waiting.until_answering(wanted)
            try:
                return service, self.verified(waiting.url(service, wanted.name), wanted.uri)
            except ClusterError as error:
                if error.reason != _OTHER_VERSION or time.monotonic() > deadline:
                    raise
            time.sleep(self.patience.every_seconds)

    def verified(self, url: str, uri: str) -> str:
        """Ask a bundle's test cases on a route.

        Args:
            url: Where they are asked, in V1.
            uri: Store URI of the bundle.

        Returns:
            The same URL.

        Raises:
            InputError: If there is no object store.
            ClusterError: If an answer is not as the bundle says.
        """
        if self.store is None:
            raise missing_store("a version is verified by its bundle's test cases")
        with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
            bundle = open_bundle(fetch(uri, Path(scratch) / "bundle", settings=self.store))
            found = verify(url, bundle=bundle, via=self.target.via)
        if found["failures"]:
            reason = "failed" if found["digest"] == bundle.digest else _OTHER_VERSION
            raise ClusterError(
                f"the endpoint {url} does not answer as the bundle says: {told(found['failures'])}", reason
            )
        self.say("1 test case" if found["cases"] == 1 else f"{found['cases']} test cases")
        return url

    def _applied(self, document: Document, claim: Claim) -> Document:
        """Apply the InferenceService; where it is unknown whether that was done, the claim stays to be tidied."""
        try:
            return self.cluster.apply(document, force=self.target.take_over)
        except ClusterError as error:
            if error.reason in _REFUSED:
                claim.end()
            raise

    def _put_back(self, claim: Claim, applied: Document) -> None:
        """Undo the change, without waiting for what comes of it; whoever claimed it since is left alone."""
        claim.confirm()
        undo(self.cluster, claim.about, uid=str(applied["metadata"]["uid"]), force=self.target.take_over)
        claim.end()

    def _lost(self, error: LostError, claim: Claim, applied: Document) -> None:
        """Undo what was applied only after the claim had been tidied away, by a process that slept for long."""
        found = self.cluster.get(INFERENCE_SERVICES, claim.about.name)
        same = found and all(found["metadata"][key] == applied["metadata"][key] for key in ("uid", "generation"))
        if error.gone and same:
            undo(self.cluster, claim.about, uid=str(applied["metadata"]["uid"]), force=self.target.take_over)

    def _restore(self, claim: Claim, applied: Document) -> str:
        """Undo the change.

        Returns:
            What is so now, as a clause.
        """
        name, former, answered = claim.about.name, claim.about.before, claim.about.answered
        try:
            failing = self.cluster.get(INFERENCE_SERVICES, name) or applied
            self._put_back(claim, applied)
            if former is None:
                return f"{name}, which was not there before, was deleted again"
            if not answered:
                return f"{name} was put back to what it was, which did not answer either"
            self.say(f"putting back {answered[:12]}")
            service = self.cluster.get(INFERENCE_SERVICES, name) or applied
            self.waiting().until_answering(goal(service, kserve_status.source(former), answered, failing))
        except HeadraceError as error:
            return f"and what was there before could not be brought back: {str(error).rstrip('.')}"
        return f"{name} answers with {answered[:12]} as before"


def goal(applied: Document, uri: str, digest: str, before: Document | None) -> Goal:
    """What is to be waited for after an InferenceService was applied.

    Args:
        applied: The InferenceService, as the server gave it back.
        uri: Address of the bundle.
        digest: Digest that its servers must report.
        before: The InferenceService before the change; None if there was none.
    """
    metadata = applied["metadata"]
    times = [str(entry.get("time", "")) for entry in metadata.get("managedFields") or [] if entry["manager"] == MANAGER]
    known = kserve_status.status(before or {}).get("modelStatus") or {}
    return Goal(
        name=str(metadata["name"]),
        uri=uri,
        digest=digest,
        uid=str(metadata["uid"]),
        known=dict(known),
        since=max(times, default=""),
    )


def _failed(error: HeadraceError, name: str, digest: str, ended: str) -> HeadraceError:
    """What went wrong and what is so now, in one sentence."""
    text = f"{name} must answer with {digest[:12]}, but {str(error).rstrip('.')}; {ended}."
    return ClusterError(text, error.reason) if isinstance(error, ClusterError) else type(error)(text)
