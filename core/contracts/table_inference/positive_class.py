"""Chooses the positive one of two classes: by what the words mean in the common languages, else the rarer one."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts import casting
from headrace.core.contracts.contract import Column
from headrace.core.contracts.fault_sentences import must_be

PositiveClassReason = Literal["given", "meaning", "rarer", "last"]

# Words and signs for yes; then events that models look for: in credit, customers, machines, mail, medicine.
_YES = """
+ ✓ ✔ ☑ 👍 yes yep yeah true on pos positive present
ja wahr positiv vorhanden oui vrai positif si sí vero verdadero cierto positivo sim verdadeiro
jo sandt kyllä kylla tosi tak prawda ano pravda áno igen igaz da adevărat da tačno evet doğru
да истина истинно так ναι αληθής 是 对 對 真 はい 真 예 네 참 نعم صحيح כן हाँ हां ya benar có đúng ใช่
"""  # noqa: RUF001
_EVENT = """
bad default defaulted delinquent late overdue chargeoff churn churned exited lost cancelled canceled attrited
fraud fraudulent spam attack intrusion malware phishing anomaly anomalous abnormal outlier
malignant sick ill disease diseased infected case died dead deceased death event relapse readmitted
fail failed failure faulty fault defect defective broken alarm
subscribed converted bought purchased clicked sold won hired approved accepted granted success
schlecht ausgefallen gekündigt abgewandert betrug krank bösartig gestorben tot defekt fehler fehlerhaft
mauvais défaut résilié parti fraude malade malin mort décédé panne
malo impago fraude enfermo maligno muerto fallo cattivo insolvente frode malato maligno morto guasto
ruim inadimplente cancelado doente slecht wanbetaler ziek kwaadaardig zły
"""
_NO = """
- − – ✗ ✘ ☐ 👎 no nope false off neg negative absent none
nein falsch negativ non faux négatif falso negativo não nao nee onwaar nej falsk falskt ei epätosi nie fałsz
ne nepravda nem hamis nu fals hayır yanlış нет ложь ні όχι ψευδής
否 不 错 錯 假 いいえ 偽 아니오 아니요 거짓 لا خطأ לא नहीं tidak salah không sai ไม่
good paid ok okay normal healthy benign ham legit legitimate genuine stayed retained active alive survived control
gut gesund gutartig aktiv bon sain bénin actif bueno sano benigno activo buono bom
"""  # noqa: RUF001
_NEGATIONS = re.compile(
    r"(?:not?|non|nicht|keine?|pas|sin|sans|senza|sem|geen|niet|inte|ikke|ei|nie|bez|не|без)[\s_-]+"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(_plain(word) for word in text.split())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


_POSITIVE, _NEGATIVE = _words(_YES + _EVENT), _words(_NO)
# A letter means yes only beside the one that means no: m and f, or b and m, are something else.
_LETTERS = {frozenset(pair): pair[0] for pair in ("yn", "tf", "jn", "on", "sn", "vf", "wf", "дн", "tn")}


@dataclass(frozen=True)
class PositiveClass:
    """The positive class.

    Attributes:
        name: The class whose probability is reported.
        why: ``given`` by the user, by the ``meaning`` of the words, the ``rarer`` one, or the ``last`` in order.
    """

    name: str
    why: PositiveClassReason


def class_rows(rows: pl.LazyFrame, target: Column) -> dict[str, int]:
    """Return the number of rows of each class in a raw table."""
    value = casting.cast(pl.col(target.name), rows.collect_schema()[target.name], target).cast(pl.String)
    counts = rows.select(value.alias("class")).group_by("class").len().collect(engine="streaming")
    return dict(counts.drop_nulls("class").iter_rows())


def choose(names: Sequence[str], *, rows: Mapping[str, int], positive: str = "") -> PositiveClass:
    """Choose the class whose probability is reported.

    Args:
        names: The two classes, in order.
        rows: How many rows each has.
        positive: The user's choice; empty to infer it.

    Returns:
        The class that means yes, or an event that models look for, where the other does not; else the one whose
        counterpart means no; else the rarer one; else the last.

    Raises:
        InputError: If the user's choice is not one of the classes.
    """
    if positive:
        if positive not in names:
            raise InputError(must_be("the positive class", f"one of {quote(list(names))}", positive))
        return PositiveClass(positive, "given")
    words = [_plain(name) for name in names]
    for matches in (_of_numbers(words), _of_letters(words), _of_words(words), _affirmative(words)):
        if sum(matches) == 1:
            return PositiveClass(names[matches.index(True)], "meaning")
    fewest = min(rows.get(name, 0) for name in names)
    rarer = [name for name in names if rows.get(name, 0) == fewest]
    return PositiveClass(rarer[0], "rarer") if len(rarer) == 1 else PositiveClass(names[-1], "last")


def _of_numbers(words: Sequence[str]) -> list[bool]:
    """Mark the nonzero one of 0 and another number, or the positive one of two signs; 1 and 2 mean nothing."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return []
    if 0 in numbers:
        return [number != 0 for number in numbers]
    return [number > 0 for number in numbers]


def _of_letters(words: Sequence[str]) -> list[bool]:
    letter = _LETTERS.get(frozenset(words))
    return [word == letter for word in words]


def _of_words(words: Sequence[str]) -> list[bool]:
    return [word in _POSITIVE for word in words]


def _affirmative(words: Sequence[str]) -> list[bool]:
    """Mark the words that neither mean no nor negate the other one, such as *not* in front of it."""
    negations = ((word, _NEGATIONS.match(word)) for word in words)
    return [
        word not in _NEGATIVE and not (negation and word[negation.end() :] in words) for word, negation in negations
    ]
