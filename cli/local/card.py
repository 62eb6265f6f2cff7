"""``headrace card``: what only a person can say about a model."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from headrace.api.model_reference import open_model
from headrace.cli.options import run_options
from headrace.cli.options.model_argument import Model

EXAMPLES = """
Examples:

  headrace card headrace-out/demo -o card.yaml      (write the questions, to be answered in an editor)

  headrace card headrace-out/demo --answers card.yaml -o bundle      (the same model with the answers in its documents)

  headrace run heart.csv --target target --card card.yaml      (or give them to the next run)
"""


def card(
    model: Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="File of questions, or folder of the new bundle.")
    ],
    answers: Annotated[str, typer.Option(help="File with the answers.", metavar="FILE")] = "",
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Write the questions that MODEL's card and risk sheet ask, or a bundle in which they are answered."""
    from headrace.core.base.errors import InputError  # noqa: PLC0415
    from headrace.core.base.files import write_text  # noqa: PLC0415
    from headrace.core.packaging import update_card  # noqa: PLC0415 - scikit-learn is slow to import
    from headrace.core.packaging.cards import card_answers  # noqa: PLC0415 - scikit-learn is slow to import

    new_answers = card_answers.load(Path(answers)) if answers else None
    if output.exists():
        raise InputError(f"{output} must not exist yet; choose another path, or remove it.")
    with open_model(model) as bundle:
        if new_answers is None:
            current_answers = update_card.read_answers(bundle)
            write_text(output, card_answers.dump(current_answers, bundle.name))
            typer.echo(
                f"{len(current_answers.missing)} of {len(card_answers.QUESTIONS)} questions are unanswered: {output}"
            )
            again = shlex.join(["headrace", "card", model, "--answers", str(output), "--output", "NEW-BUNDLE"])
            typer.echo(f"\nNext: {again}")
            return
        new_bundle = update_card.update_answers(bundle, new_answers, output)
    typer.echo(f"{new_bundle.name} {new_bundle.digest}: {len(new_answers.missing)} questions are still unanswered.")
    typer.echo(f"\nNext: headrace serve {shlex.quote(str(output))}")
