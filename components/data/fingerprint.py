"""The component that says what lies at the addresses of a run now."""

from typing import NamedTuple

from headrace.components.base import component


class SourceFingerprints(NamedTuple):
    """A fingerprint for each address; empty for an empty address, or for the name of a shipped Experiment."""

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
    """Look at what lies at a run's addresses, so that a cluster takes steps from an earlier run for the same only.

    This step itself must never be taken from an earlier run.

    Args:
        source: Address of the table, as for ``ingest``.
        contract: Path or address of the contract; empty for none.
        experiment: Path or address of an Experiment, or the name of a shipped one; empty for none.
        champion: Folder or address of the bundle in service; empty for none.
        card: Path or address of the card file; empty for none.

    Returns:
        A text for each that changes when what lies there does; never the same twice if nobody can know, as of a
        database.
    """
    from pathlib import Path

    from headrace.core.base.parameter_text import plain
    from headrace.core.runtime.step_events import step
    from headrace.stores.sources.fingerprint import fingerprint, is_known
    from headrace.stores.sources.open_source import open_source

    with step("fingerprint") as say:
        open_source(plain(source))  # refuses what names no table at all
        shipped = experiment and "://" not in experiment and not Path(plain(experiment)).exists()
        given = (source, contract, "" if shipped else experiment, champion, card)
        found = SourceFingerprints(*(fingerprint(plain(address)) for address in given))
        told = {name: text[:12] if is_known(text) else "read anew" for name, text in found._asdict().items() if text}
        say(", ".join(f"{name} {text}" for name, text in told.items()))
    return found
