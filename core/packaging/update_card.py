"""New answers for an existing bundle: the same model under another digest, with another card."""

from dataclasses import replace
from pathlib import Path

from headrace.core.base.errors import BundleError, InputError
from headrace.core.base.files import dumps
from headrace.core.bundles.bundle import Bundle
from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.packaging import bundle_files, sbom
from headrace.core.packaging.cards import card_answers
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.cards.card_facts import CardFacts
from headrace.core.packaging.package import write
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.robustness import input_guard
from headrace.core.robustness.input_guard import GuardDocument


def read_answers(bundle: Bundle) -> CardAnswers:
    """Return the answers that a bundle holds."""
    return card_answers.load(bundle.folder / card_answers.FILE)


def update_answers(bundle: Bundle, answers: CardAnswers, folder: Path) -> Bundle:
    """Make a bundle of the same model with other answers, without the signatures, which were made for the old one.

    Args:
        bundle: The existing bundle.
        answers: Answers of people.
        folder: Where to write the new bundle.

    Returns:
        The new bundle.

    Raises:
        BundleError: If a file of the bundle cannot be used.
    """
    try:
        provenance = Provenance.from_json(bundle.json("provenance.json"))
        table = replace(provenance.table, licence=answers["data_licence"], origin=answers["data_origin"])
        provenance = replace(provenance, table=table)
        has_guard = any(entry.path == input_guard.FILE for entry in bundle.manifest.files)
        facts = CardFacts(
            BundleMetrics.from_json(bundle.json("metrics.json")),
            provenance,
            bundle.json("environment.json"),
            GuardDocument.from_json(bundle.json(input_guard.FILE)) if has_guard else None,
        )
        bill = (bundle.folder / sbom.FILE).read_text(encoding="utf-8")
        texts = {
            **bundle_files.render_answered_files(bundle.model(), facts, answers),
            sbom.FILE: sbom.replace_licences(bill, model=answers["licence"], data=answers["data_licence"]),
            "provenance.json": dumps(provenance.as_json()),
        }
    except (InputError, KeyError, TypeError, StopIteration, OSError) as error:
        raise BundleError(
            f"the documents in {bundle.folder} must be those that Headrace wrote; package the model again."
        ) from error
    unchanged: dict[str, bytes | Path] = {
        entry.path: bundle.folder / entry.path for entry in bundle.manifest.files if entry.path not in texts
    }
    return write(folder, unchanged | {name: text.encode() for name, text in texts.items()}, name=bundle.name)
