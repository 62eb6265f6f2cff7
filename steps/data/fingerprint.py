"""The step that fingerprints what is stored at the addresses of a run."""

from pathlib import Path

from headrace.steps.step_function import Say, as_step
from headrace.stores.sources.fingerprint import fingerprint, is_known
from headrace.stores.sources.open_source import open_source


@as_step
def run_fingerprint(
    say: Say, *, source: str, contract: str, experiment: str, champion: str, card: str
) -> dict[str, str]:
    """Return the fingerprint of each address, by the name of its parameter; the component documents the parameters."""
    open_source(source)  # raises if the address cannot name a table
    is_shipped = experiment and "://" not in experiment and not Path(experiment).exists()
    addresses = {
        "source": source,
        "contract": contract,
        "experiment": "" if is_shipped else experiment,
        "champion": champion,
        "card": card,
    }
    fingerprints = {name: fingerprint(address) for name, address in addresses.items()}
    shown = {name: text[:12] if is_known(text) else "read again" for name, text in fingerprints.items() if text}
    say(", ".join(f"{name} {text}" for name, text in shown.items()))
    return fingerprints
