"""Answers that only a person can give about a model: a short YAML file of questions and answers."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from headrace.core.base.errors import InputError, MissingError, quote

FILE = "card.yaml"
FORMAT = 1
_LONGEST = 20_000
_MOST_BYTES = 1 << 20

QUESTIONS: Mapping[str, str] = {
    "owner": "who answers for the model, and the team behind it",
    "contact": "where questions and complaints go",
    "licence": "licence of the model, as an SPDX expression or in words",
    "intended_use": "which decisions the model is meant for",
    "intended_users": "who uses its answers, and what they know about it",
    "out_of_scope": "what it must not be used for",
    "factors": "groups, instruments or environments that matter here",
    "evaluation_data": "how far the test rows are like those that the model will meet",
    "data_licence": "licence of the data, as an SPDX expression or in words",
    "data_origin": "where the data come from: who collected them, when, and for what",
    "data_rights": "with what right the data are used, and what the people in them agreed to",
    "ethical_considerations": "whom a wrong answer harms, and how it is contested",
    "worst_case": "the worst that a wrong answer can do, and how likely that is",
    "exposure": "how many decisions and people it reaches in a day, and who can send it requests",
    "deactivation": "who takes it out of service, when, how, and what decides in its place",
    "caveats": "what was not tested, and what a user should watch",
}
"""Each question by its key, in the order in which card and risk sheet ask."""

_HEAD = """\
# What only a person can say of the model {name}. Write the answers between the quotes, or as a block after `|`;
# Markdown is understood. An answer that is left empty is marked as missing in the model card and the risk sheet.
#   give them to the next run:        headrace run TABLE --target COLUMN --card card.yaml
#   or to a bundle that is there:     headrace card BUNDLE --answers card.yaml --output NEW-BUNDLE
"""


@dataclass(frozen=True)
class CardAnswers:
    """Answers by the key of their question; a question without an answer is open.

    Attributes:
        by_key: The answers.
    """

    by_key: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise if an answer belongs to no question.

        Raises:
            InputError: If a key is unknown, or an answer is not a text or is too long.
        """
        for key, answer in self.by_key.items():
            if key not in QUESTIONS:
                raise InputError(f"a card file must answer {', '.join(QUESTIONS)}; got {quote(key)} instead.")
            if not isinstance(answer, str) or len(answer) > _LONGEST:
                raise InputError(
                    f"the answer to {key} in a card file must be a text of at most {_LONGEST} letters; got "
                    f"{quote(answer)} instead."
                )

    def __getitem__(self, key: str) -> str:
        """Return the answer; empty if there is none."""
        return self.by_key.get(key, "").strip()

    @property
    def missing(self) -> list[str]:
        """Keys of the questions without an answer."""
        return [key for key in QUESTIONS if not self[key]]


def load(path: Path) -> CardAnswers:
    """Read a card file.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not YAML, or answers a question that does not exist.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} must have at most {_MOST_BYTES} bytes; it has {path.stat().st_size}.")
        document = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise MissingError(f"there is no card file {path}; `headrace card MODEL` writes one.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path} must be YAML; {' '.join(str(error).split())}.") from error
    return parse_answers(document, source=path.name)


def parse_answers(document: Any, *, source: str = FILE) -> CardAnswers:
    """Parse the answers of a document.

    Args:
        document: Plain values, as a YAML reader gives them.
        source: Name of the file in messages.

    Raises:
        InputError: If it is of another form.
    """
    if not isinstance(document, dict) or document.get("format", FORMAT) != FORMAT:
        version = document.get("format") if isinstance(document, dict) else document
        raise InputError(f"{source} must be a card file of format {FORMAT}; got {quote(version)} instead.")
    try:
        answers = {str(key): "" if value is None else value for key, value in document.items() if key != "format"}
        return CardAnswers(answers)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def dump(answers: CardAnswers, name: str) -> str:
    """Render a card file with every question and the existing answers; ``load`` reads it.

    Args:
        answers: The answers.
        name: Name of the model.
    """
    lines = [_HEAD.format(name=name), f"format: {FORMAT}\n"]
    for key, question in QUESTIONS.items():
        lines.append(f"\n# {question}\n{key}: {_scalar(answers[key])}\n")
    return "".join(lines)


def _scalar(text: str) -> str:
    """Render a text as YAML: in quotes, or as a block if it has several lines."""
    if "\n" in text and all(line.isprintable() for line in text.splitlines()) and text[:1] not in {" ", "\t"}:
        return "|-\n" + textwrap.indent(text, "  ")
    return yaml.dump(text, Dumper=yaml.CSafeDumper, default_style='"', allow_unicode=True, width=10_000).strip()
