"""The component that fingerprints what is stored at the addresses of a run."""

from typing import NamedTuple

from headrace.components.base import component


class SourceFingerprints(NamedTuple):
    """A fingerprint for each address; empty for an empty address and for the name of a shipped Experiment."""

    source: str
    contract: str
    experiment: str
    champion: str
    card: str


@component
def fingerprint(
    source: str,
    contract: str = "",
    experiment: str = "",
    champion: str = "",
    card: str = "",
) -> SourceFingerprints:
    """Fingerprint what is stored at a run's addresses, so that a cluster reuses earlier steps only for the same inputs.

    This step itself must never be cached.

    Args:
        source: Address of the table, as for ``ingest``.
        contract: Path or address of the contract; empty for none.
        experiment: Path or address of an Experiment, or the name of a shipped one; empty for none.
        champion: Folder or address of the bundle in service; empty for none.
        card: Path or address of the card file; empty for none.

    Returns:
        A text for each address that changes when the content there does; a new text each time where that cannot be
        known, such as for a database.
    """
    from headrace.steps.data.fingerprint import run_fingerprint

    return SourceFingerprints(
        **run_fingerprint(source=source, contract=contract, experiment=experiment, champion=champion, card=card)
    )
