"""The two versions compared, by what their servers counted."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from headrace.core.statistics import confidence_sequence
from headrace.core.statistics.confidence_sequence import MeasureSums, SequentialInterval
from headrace.rollouts.record.counters import PREDICTED, RequestCounts
from headrace.rollouts.record.record import RolloutPlan, RolloutRecord, Verdict, VersionCheck

FEWEST_BAD = 20  # requests of the candidate before it is said to be bad
FEWEST_GOOD = 100  # and before it is said to be good
Pair = tuple[RequestCounts, RequestCounts]
"""What the candidate's servers counted in a step, and the stable version's."""


def checks(record: RolloutRecord) -> tuple[VersionCheck, ...]:
    """Return all comparisons that the counts allow.

    The record's ``alpha`` is shared out evenly, so that the chance of any false alarm stays below it.

    Args:
        record: The rollout with what was counted in each step.
    """
    plan = record.plan
    pairs = [(step.candidate.counts(), step.stable.counts()) for step in record.steps]
    wanted: list[Callable[[float], VersionCheck]] = [
        lambda alpha: _errors(pairs, plan, alpha),
        lambda alpha: _latency(pairs, plan, alpha),
        lambda alpha: _shift(pairs, plan, alpha),
    ]
    if record.slow_seconds is not None:
        edge, later = record.slow_seconds, pairs[record.slow_from :]
        wanted.insert(2, lambda alpha: _slow(later, plan, alpha, edge))
    if any(candidate.outcomes and stable.outcomes for candidate, stable in pairs):
        wanted.append(lambda alpha: _outcome(pairs, plan, alpha))
    return tuple(check(plan.alpha / len(wanted)) for check in wanted)


def slow_edge(counts: RequestCounts, *, floor_ms: float, share: float = 0.01) -> float | None:
    """Return the least bucket's edge that at most ``share`` of the requests exceed, in seconds.

    Args:
        counts: What the stable version's servers counted.
        floor_ms: What the edge is at least.
        share: Share of the requests.

    Returns:
        The edge; None if there are too few requests to say.
    """
    total = sum(counts.seconds.values())
    if total < FEWEST_GOOD:
        return None
    above = total
    for edge, count in sorted((float(edge), count) for edge, count in counts.seconds.items()):
        above -= count
        if above <= share * total and math.isfinite(edge) and edge * 1000 >= floor_ms:
            return edge
    return None


def _errors(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float) -> VersionCheck:
    steps = [tuple(MeasureSums.share(one.errors, one.requests) for one in pair) for pair in pairs]
    found = confidence_sequence.difference([(first, second) for first, second in steps], alpha=alpha)
    candidate, stable = steps[-1]
    return _share("errors", found, plan.tolerances.errors, candidate.mean, stable.mean, "requests that failed")


def _slow(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float, edge: float) -> VersionCheck:
    def sums(counts: RequestCounts) -> MeasureSums:
        slow = sum(count for bound, count in counts.seconds.items() if float(bound) > edge)
        return MeasureSums.share(slow, sum(counts.seconds.values()))

    steps = [(sums(candidate), sums(stable)) for candidate, stable in pairs]
    found = confidence_sequence.difference(steps, alpha=alpha)
    candidate, stable = steps[-1] if steps else (MeasureSums(0, 0, 0), MeasureSums(0, 0, 0))
    what = f"requests that took more than {edge * 1000:g} ms"
    return _share("slow", found, plan.tolerances.slow, candidate.mean, stable.mean, what)


def _latency(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float) -> VersionCheck:
    """Geometric means: a request counts with the logarithm of the middle of its bucket, or of the floor above it."""
    floor = math.log(max(plan.floor_ms, 0.001) / 1000)
    steps = [(_logs(candidate, floor), _logs(stable, floor)) for candidate, stable in pairs]
    found = confidence_sequence.difference(steps, alpha=alpha, bounds=_range(pairs, floor))
    bound = math.log(plan.tolerances.latency)
    verdict = _verdict(found, bound)
    candidate, stable = (math.exp(sums.mean) if sums.count else None for sums in steps[-1])
    text = f"a typical request took {math.exp(found.effect):.2f} times as long{_interval(found, math.exp, '.2f')}"
    return VersionCheck(
        name="latency",
        verdict=verdict,
        effect=math.exp(found.effect),
        low=_finite(math.exp(found.low) if found.requests else None),
        high=_finite(math.exp(min(found.high, 50.0)) if found.requests else None),
        bound=plan.tolerances.latency,
        detectable=_finite(math.exp(min(bound + found.detectable, 50.0)) if found.requests else None),
        stable=stable,
        candidate=candidate,
        text=_reason_sentence(text, verdict, f"{plan.tolerances.latency:g} times"),
    )


def _outcome(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float) -> VersionCheck:
    steps = [(_cost(candidate), _cost(stable)) for candidate, stable in pairs]
    found = confidence_sequence.difference(steps, alpha=alpha)
    candidate, stable = steps[-1]
    what = "the cost of predictions whose truth is known"
    return _share("outcome", found, plan.tolerances.outcome, candidate.mean, stable.mean, what)


def _cost(counts: RequestCounts) -> MeasureSums:
    known = counts.outcomes
    return MeasureSums(known.get("count", 0.0), known.get("total", 0.0), known.get("squares", 0.0))


def _shift(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float) -> VersionCheck:
    """Return the largest population stability index of what is predicted, and whether chance explains it."""
    names = sorted({name for pair in pairs for one in pair for name in one.answers})
    names = [name for name in names if name == PREDICTED or not _mirror(name, names)]
    bound = plan.tolerances.shift
    found = [_distribution(name, pairs, alpha / max(1, len(names))) for name in names]
    rows = sum(min(candidate.rows, candidate.requests) for candidate, _ in pairs)
    index, name, certain, candidate, stable = max(found, default=(0.0, "", False, None, None))
    verdict: Verdict = "open"
    if certain and index > bound and rows >= FEWEST_BAD:
        verdict = "bad"
    elif found and index < bound and rows >= FEWEST_GOOD:
        verdict = "good"
    text = f"the {name or 'predictions'} shifted by a population stability index of {index:.3f}"
    chance = "" if certain or not found else ", which chance may explain"
    return VersionCheck(
        name="shift",
        verdict=verdict,
        effect=index,
        low=None,
        high=None,
        bound=bound,
        detectable=None,
        stable=stable,
        candidate=candidate,
        text=f"{text}{chance}; {_SHIFTED[verdict]} {bound:g}",
    )


_SHIFTED: dict[Verdict, str] = {"good": "within", "bad": "not by chance, and beyond", "open": "not decided yet against"}


def _mirror(name: str, names: Iterable[str]) -> bool:
    """Return whether a class's probabilities say the same as the other class's: of two classes, the first."""
    classes = sorted(one for one in names if one != PREDICTED)
    return len(classes) == 2 and name == classes[0]


def _distribution(
    name: str, pairs: Sequence[Pair], alpha: float
) -> tuple[float, str, bool, float | None, float | None]:
    """Index, name, whether any bin's share surely differs, and the two shares of the bin that differs most."""
    bins = list(dict.fromkeys(key for pair in pairs for one in pair for key in one.answers.get(name, {})))
    mine, theirs, total = dict.fromkeys(bins, 0.0), dict.fromkeys(bins, 0.0), 0.0
    certain = False
    for key in bins:
        steps = [(_bin(candidate, name, key), _bin(stable, name, key)) for candidate, stable in pairs]
        found = confidence_sequence.difference(steps, alpha=alpha / len(bins))
        certain = certain or (found.requests >= FEWEST_BAD and not found.low <= 0 <= found.high)
        for first, second in steps:
            weight = first.count * second.count / ((first.count + second.count) or 1.0)
            mine[key] += weight * first.mean
            theirs[key] += weight * second.mean
            total += weight
    if not total:
        return 0.0, name, False, None, None
    weight = total / len(bins)
    own, other = ({key: value / weight for key, value in one.items()} for one in (mine, theirs))
    widest = max(bins, key=lambda key: abs(own[key] - other[key]))
    return stability(own, other, weight=weight), name, certain, own[widest], other[widest]


def stability(first: Mapping[str, float], second: Mapping[str, float], *, weight: float) -> float:
    """Return the population stability index of two distributions, less what chance alone would give.

    Args:
        first: Shares by bin.
        second: Shares by the same bins.
        weight: Effective number of observations; half of one is added to each bin.
    """
    added = 0.5 / max(weight, 1.0)
    whole = 1 + added * len(first)
    parts = [((first[key] + added) / whole, (second[key] + added) / whole) for key in first]
    index = math.fsum((mine - theirs) * math.log(mine / theirs) for mine, theirs in parts)
    return max(0.0, index - (sum(1 for key in first if first[key] or second[key]) - 1) / max(weight, 1.0))


def _bin(counts: RequestCounts, name: str, key: str) -> MeasureSums:
    """Return the share of a bin; rows of one request may be alike, so that a request counts once."""
    found = counts.answers.get(name, {})
    rows = sum(found.values())
    if not rows:
        return MeasureSums(0, 0, 0)
    answered = sum(count for code, count in counts.codes.items() if code.startswith("2"))
    count = min(rows, answered) if answered else rows
    return MeasureSums.share(found.get(key, 0.0) * count / rows, count)


def _middles(counts: Iterable[RequestCounts], floor: float) -> dict[str, float]:
    """Return the logarithm of the middle of each bucket that is known, at least ``floor``."""
    edges = sorted({float(edge) for one in counts for edge in one.seconds})
    finite = [edge for edge in edges if math.isfinite(edge)]
    if not finite:
        return {}
    middles = {f"{finite[0]:g}": math.log(finite[0] / 2)}
    middles.update({f"{high:g}": math.log(math.sqrt(low * high)) for low, high in pairwise(finite)})
    middles["inf"] = math.log(finite[-1] * 2)
    return {edge: max(floor, middle) for edge, middle in middles.items()}


def _logs(counts: RequestCounts, floor: float) -> MeasureSums:
    middles = _middles([counts], floor)
    pairs = [(middles[edge], count) for edge, count in counts.seconds.items()]
    total = math.fsum(middle * count for middle, count in pairs)
    return MeasureSums(sum(counts.seconds.values()), total, math.fsum(middle**2 * count for middle, count in pairs))


def _range(pairs: Sequence[Pair], floor: float) -> tuple[float, float]:
    """Return the buckets that anything fell into, and one more on each side."""
    both = [one for pair in pairs for one in pair]
    middles = _middles(both, floor)
    ordered = sorted(set(middles.values()))
    hit = [
        ordered.index(middles[edge]) for one in both for edge, count in one.seconds.items() if count and edge in middles
    ]
    if not hit:
        return 0.0, 1.0
    return ordered[max(0, min(hit) - 1)], ordered[min(len(ordered) - 1, max(hit) + 1)]


def _verdict(found: SequentialInterval, bound: float) -> Verdict:
    if found.requests >= FEWEST_BAD and found.low > bound:
        return "bad"
    if found.requests >= FEWEST_GOOD and found.high < bound:
        return "good"
    return "open"


def _share(
    name: str, found: SequentialInterval, bound: float, candidate: float, stable: float, what: str
) -> VersionCheck:
    verdict = _verdict(found, bound)
    told = f"{candidate:.2%} against {stable:.2%}" if name != "outcome" else f"{candidate:.4g} against {stable:.4g}"
    difference = f"{found.effect:+.4f}" if name == "outcome" else f"{found.effect * 100:+.2f} points"
    scale = (lambda value: value) if name == "outcome" else (lambda value: value * 100)
    text = f"{what}: {told}, a difference of {difference}{_interval(found, scale, '+.2f')}"
    return VersionCheck.model_validate(
        {
            "name": name,
            "verdict": verdict,
            "effect": found.effect,
            "low": _finite(found.low),
            "high": _finite(found.high),
            "bound": bound,
            "detectable": _finite(bound + found.detectable),
            "stable": stable,
            "candidate": candidate,
            "text": _reason_sentence(text, verdict, f"{bound:g}" if name == "outcome" else f"{bound * 100:g} points"),
        }
    )


def _interval(found: SequentialInterval, scale: Callable[[float], float], form: str) -> str:
    if not found.requests:
        return ""
    low, high = scale(max(found.low, -50.0)), scale(min(found.high, 50.0))
    return f" ({low:{form}} to {high:{form}} at any time)"


def _reason_sentence(text: str, verdict: Verdict, bound: str) -> str:
    words = {"good": "surely within", "bad": "surely beyond", "open": "not decided yet against"}
    return f"{text}; {words[verdict]} {bound}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
