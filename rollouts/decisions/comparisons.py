"""Compare the two versions by their servers' counters."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from headrace.core.statistics import confidence_sequence
from headrace.core.statistics.confidence_sequence import MeasureSums, SequentialInterval
from headrace.rollouts.record.counters import PREDICTED, RequestCounts
from headrace.rollouts.record.record import RolloutPlan, RolloutRecord, Verdict, VersionCheck

FEWEST_BAD = 20  # minimum number of the candidate's requests for the verdict bad
FEWEST_GOOD = 100  # and for the verdict good
Pair = tuple[RequestCounts, RequestCounts]
"""Counts of the candidate's servers in a step, and of the stable version's."""


def checks(record: RolloutRecord) -> tuple[VersionCheck, ...]:
    """Return all comparisons that the counts allow.

    Each comparison gets an equal part of the record's ``alpha`` (Bonferroni), so that the chance of any false alarm
    stays below it. The comparisons use confidence sequences, which hold at all times at once: a fixed-sample test
    repeated at each poll would reject a good candidate sooner or later.

    Args:
        record: The rollout with the counts of each step.
    """
    plan = record.plan
    pairs = [(step.candidate.counts(), step.stable.counts()) for step in record.steps]
    comparisons: list[Callable[[float], VersionCheck]] = [
        lambda alpha: _errors(pairs, plan, alpha),
        lambda alpha: _latency(pairs, plan, alpha),
        lambda alpha: _shift(pairs, plan, alpha),
    ]
    # The edge comes from the stable version's first counts; steps before it was known cannot be compared by it.
    if record.slow_seconds is not None:
        edge, slow_pairs = record.slow_seconds, pairs[record.slow_from :]
        comparisons.insert(2, lambda alpha: _slow(slow_pairs, plan, alpha, edge))
    if any(candidate.outcomes and stable.outcomes for candidate, stable in pairs):
        comparisons.append(lambda alpha: _outcome(pairs, plan, alpha))
    # Their number is fixed by the plan and the kinds of counts, not by their results, as Bonferroni requires.
    return tuple(check(plan.alpha / len(comparisons)) for check in comparisons)


def slow_edge(counts: RequestCounts, *, floor_ms: float, share: float = 0.01) -> float | None:
    """Return the least edge of a bucket that at most ``share`` of the requests exceed, in seconds.

    Args:
        counts: Counts of the stable version's servers.
        floor_ms: Minimum of the edge.
        share: Share of the requests.

    Returns:
        The edge; None if there are too few requests.
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
    steps = [tuple(MeasureSums.share(counts.errors, counts.requests) for counts in pair) for pair in pairs]
    interval = confidence_sequence.difference([(first, second) for first, second in steps], alpha=alpha)
    candidate, stable = steps[-1]
    return _share("errors", interval, plan.tolerances.errors, candidate.mean, stable.mean, "requests that failed")


def _slow(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float, edge: float) -> VersionCheck:
    def sums(counts: RequestCounts) -> MeasureSums:
        slow = sum(count for bound, count in counts.seconds.items() if float(bound) > edge)
        return MeasureSums.share(slow, sum(counts.seconds.values()))

    steps = [(sums(candidate), sums(stable)) for candidate, stable in pairs]
    interval = confidence_sequence.difference(steps, alpha=alpha)
    candidate, stable = steps[-1] if steps else (MeasureSums(0, 0, 0), MeasureSums(0, 0, 0))
    what = f"requests that took more than {edge * 1000:g} ms"
    return _share("slow", interval, plan.tolerances.slow, candidate.mean, stable.mean, what)


def _latency(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float) -> VersionCheck:
    """Compare geometric means of the times.

    A request counts with the logarithm of the middle of its bucket, or of the floor if that is greater. Logarithms keep
    a few very slow requests from dominating the mean, and servers report buckets only.
    """
    # The difference of mean logarithms is the logarithm of the ratio of typical times: the bound is a factor.
    floor = math.log(max(plan.floor_ms, 0.001) / 1000)
    steps = [(_logs(candidate, floor), _logs(stable, floor)) for candidate, stable in pairs]
    interval = confidence_sequence.difference(steps, alpha=alpha, bounds=_range(pairs, floor))
    bound = math.log(plan.tolerances.latency)
    verdict = _verdict(interval, bound)
    candidate, stable = (math.exp(sums.mean) if sums.count else None for sums in steps[-1])
    text = f"a typical request took {math.exp(interval.effect):.2f} times as long{_interval(interval, math.exp, '.2f')}"
    return VersionCheck(
        name="latency",
        verdict=verdict,
        effect=math.exp(interval.effect),
        low=_finite(math.exp(interval.low) if interval.requests else None),
        # exp(50) is more than any ratio of times, and a double holds it.
        high=_finite(math.exp(min(interval.high, 50.0)) if interval.requests else None),
        bound=plan.tolerances.latency,
        detectable=_finite(math.exp(min(bound + interval.detectable, 50.0)) if interval.requests else None),
        stable=stable,
        candidate=candidate,
        text=_reason_sentence(text, verdict, f"{plan.tolerances.latency:g} times"),
    )


def _outcome(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float) -> VersionCheck:
    steps = [(_cost(candidate), _cost(stable)) for candidate, stable in pairs]
    interval = confidence_sequence.difference(steps, alpha=alpha)
    candidate, stable = steps[-1]
    what = "the cost of predictions whose truth is known"
    return _share("outcome", interval, plan.tolerances.outcome, candidate.mean, stable.mean, what)


def _cost(counts: RequestCounts) -> MeasureSums:
    outcomes = counts.outcomes
    return MeasureSums(outcomes.get("count", 0.0), outcomes.get("total", 0.0), outcomes.get("squares", 0.0))


def _shift(pairs: Sequence[Pair], plan: RolloutPlan, alpha: float) -> VersionCheck:
    """Compare the distributions of predictions by the largest population stability index, and test for chance."""
    names = sorted({name for pair in pairs for counts in pair for name in counts.predictions})
    names = [name for name in names if name == PREDICTED or not _mirror(name, names)]
    bound = plan.tolerances.shift
    distributions = [_distribution(name, pairs, alpha / max(1, len(names))) for name in names]
    rows = sum(min(candidate.rows, candidate.requests) for candidate, _ in pairs)
    index, name, significant, candidate, stable = max(distributions, default=(0.0, "", False, None, None))
    # The index alone would call a good candidate bad while few rows are known: chance alone shifts shares.
    verdict: Verdict = "open"
    if significant and index > bound and rows >= FEWEST_BAD:
        verdict = "bad"
    elif distributions and index < bound and rows >= FEWEST_GOOD:
        verdict = "good"
    text = f"the {name or 'predictions'} shifted by a population stability index of {index:.3f}"
    chance = "" if significant or not distributions else ", which chance may explain"
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
    """Return whether a class is the first of two, whose probabilities are redundant: they add up to one."""
    classes = sorted(label for label in names if label != PREDICTED)
    return len(classes) == 2 and name == classes[0]


def _distribution(
    name: str, pairs: Sequence[Pair], alpha: float
) -> tuple[float, str, bool, float | None, float | None]:
    """Return the index, the name, whether any bin's share surely differs, and both shares of the most different bin.

    Steps have different shares of the traffic, so that the versions' totals mix different times of day. Each step is
    therefore weighted by the harmonic mean of its counts, as in a stratified comparison.
    """
    bins = list(dict.fromkeys(key for pair in pairs for sums in pair for key in sums.predictions.get(name, {})))
    first_sums, second_sums, total = dict.fromkeys(bins, 0.0), dict.fromkeys(bins, 0.0), 0.0
    significant = False
    for key in bins:
        steps = [(_bin(candidate, name, key), _bin(stable, name, key)) for candidate, stable in pairs]
        interval = confidence_sequence.difference(steps, alpha=alpha / len(bins))
        # Each bin has its part of alpha, so any bin that differs is evidence for the whole distribution.
        significant = significant or (interval.requests >= FEWEST_BAD and not interval.low <= 0 <= interval.high)
        for first, second in steps:
            weight = first.count * second.count / ((first.count + second.count) or 1.0)
            first_sums[key] += weight * first.mean
            second_sums[key] += weight * second.mean
            total += weight
    if not total:
        return 0.0, name, False, None, None
    weight = total / len(bins)
    first_shares, second_shares = (
        {key: value / weight for key, value in sums.items()} for sums in (first_sums, second_sums)
    )
    widest = max(bins, key=lambda key: abs(first_shares[key] - second_shares[key]))
    return (
        stability(first_shares, second_shares, weight=weight),
        name,
        significant,
        first_shares[widest],
        second_shares[widest],
    )


def stability(first: Mapping[str, float], second: Mapping[str, float], *, weight: float) -> float:
    """Return the population stability index of two distributions, less its expectation under chance alone.

    Args:
        first: Shares by bin.
        second: Shares by the same bins.
        weight: Effective number of observations; half of one is added to each bin.
    """
    # An empty bin would make the logarithm infinite; half an observation is Jeffreys' prior.
    pseudocount = 0.5 / max(weight, 1.0)
    total = 1 + pseudocount * len(first)
    parts = [((first[key] + pseudocount) / total, (second[key] + pseudocount) / total) for key in first]
    index = math.fsum((p - q) * math.log(p / q) for p, q in parts)
    # Under equal distributions weight times the index is about chi-squared, with one degree less than used bins.
    return max(0.0, index - (sum(1 for key in first if first[key] or second[key]) - 1) / max(weight, 1.0))


def _bin(counts: RequestCounts, name: str, key: str) -> MeasureSums:
    """Return the share of a bin; a request counts once, because rows of one request may be dependent."""
    bins = counts.predictions.get(name, {})
    rows = sum(bins.values())
    if not rows:
        return MeasureSums(0, 0, 0)
    answered = sum(count for code, count in counts.codes.items() if code.startswith("2"))
    count = min(rows, answered) if answered else rows
    return MeasureSums.share(bins.get(key, 0.0) * count / rows, count)


def _middles(counts: Iterable[RequestCounts], floor: float) -> dict[str, float]:
    """Return the logarithm of the geometric middle of each bucket, at least ``floor``."""
    edges = sorted({float(edge) for version in counts for edge in version.seconds})
    finite = [edge for edge in edges if math.isfinite(edge)]
    if not finite:
        return {}
    # The first bucket reaches down to 0, and the last one has no end: half and twice the edge stand for them.
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
    """Return the range of the logarithms: the buckets with requests, and one more on each side."""
    both = [version for pair in pairs for version in pair]
    middles = _middles(both, floor)
    ordered = sorted(set(middles.values()))
    # The range bounds the variance of what has not been seen yet; all buckets would widen every interval.
    used = [
        ordered.index(middles[edge])
        for version in both
        for edge, count in version.seconds.items()
        if count and edge in middles
    ]
    if not used:
        return 0.0, 1.0
    return ordered[max(0, min(used) - 1)], ordered[min(len(ordered) - 1, max(used) + 1)]


def _verdict(interval: SequentialInterval, bound: float) -> Verdict:
    if interval.requests >= FEWEST_BAD and interval.low > bound:
        return "bad"
    if interval.requests >= FEWEST_GOOD and interval.high < bound:
        return "good"
    return "open"


def _share(
    name: str, interval: SequentialInterval, bound: float, candidate: float, stable: float, what: str
) -> VersionCheck:
    verdict = _verdict(interval, bound)
    values = f"{candidate:.2%} against {stable:.2%}" if name != "outcome" else f"{candidate:.4g} against {stable:.4g}"
    difference = f"{interval.effect:+.4f}" if name == "outcome" else f"{interval.effect * 100:+.2f} points"
    scale = (lambda value: value) if name == "outcome" else (lambda value: value * 100)
    text = f"{what}: {values}, a difference of {difference}{_interval(interval, scale, '+.2f')}"
    return VersionCheck.model_validate(
        {
            "name": name,
            "verdict": verdict,
            "effect": interval.effect,
            "low": _finite(interval.low),
            "high": _finite(interval.high),
            "bound": bound,
            "detectable": _finite(bound + interval.detectable),
            "stable": stable,
            "candidate": candidate,
            "text": _reason_sentence(text, verdict, f"{bound:g}" if name == "outcome" else f"{bound * 100:g} points"),
        }
    )


def _interval(interval: SequentialInterval, scale: Callable[[float], float], form: str) -> str:
    if not interval.requests:
        return ""
    low, high = scale(max(interval.low, -50.0)), scale(min(interval.high, 50.0))
    return f" ({low:{form}} to {high:{form}} at any time)"


def _reason_sentence(text: str, verdict: Verdict, bound: str) -> str:
    words = {"good": "surely within", "bad": "surely beyond", "open": "not decided yet against"}
    return f"{text}; {words[verdict]} {bound}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
