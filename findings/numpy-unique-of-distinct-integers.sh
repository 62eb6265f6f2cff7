#!/usr/bin/env bash
# numpy 2.4.6, Python 3.11. Guess: numpy.unique sorts, so that it takes about as long as numpy.sort, for integers as for floats, and longer if counts are asked for too.
# Seen: without any return_ option integers go through a hash table, floats through a sort. For 500,000 integers that are nearly all distinct it takes tens of times the
# time of numpy.sort (where that has AVX-512; several times where it has not) and of the same call with return_counts=True, which asks for more. sorted=False saves little.
# intersect1d, which takes unique of both first, is as slow; with assume_unique=True, which is true of such keys, it is not. Few distinct values take no harm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
cat > "$folder/unique.py" <<'PYTHON'
import sys
import time

import numpy as np


def seconds(call):
    taken = []
    for _ in range(5):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return min(taken)


rng = np.random.default_rng(0)
keys = rng.integers(0, 2**63, 500_000)
others = np.concatenate([keys[:250_000], rng.integers(0, 2**63, 250_000)])
floats = rng.random(500_000)
assert np.array_equal(np.unique(keys), np.unique(keys, return_counts=True)[0])
times = {
    "sort of integers": seconds(lambda: np.sort(keys)),
    "unique of integers": seconds(lambda: np.unique(keys)),
    "unique of integers, sorted=False": seconds(lambda: np.unique(keys, sorted=False)),
    "unique of integers, return_counts=True": seconds(lambda: np.unique(keys, return_counts=True)),
    "unique of 100 distinct integers": seconds(lambda: np.unique(keys % 100)),
    "unique of floats": seconds(lambda: np.unique(floats)),
    "intersect1d": seconds(lambda: np.intersect1d(keys, others)),
    "intersect1d, assume_unique=True": seconds(lambda: np.intersect1d(keys, others, assume_unique=True)),
}
for name, taken in times.items():
    print(f"{name}: {1000 * taken:.1f} ms")
slow, counted = times["unique of integers"], times["unique of integers, return_counts=True"]
slow_common, common = times["intersect1d"], times["intersect1d, assume_unique=True"]
as_seen = slow > 2 * counted and slow > 2 * times["unique of floats"] and slow_common > 2 * common
sys.exit(not as_seen)
PYTHON
"$folder/venv/bin/python" "$folder/unique.py" || { echo "changed: unique of distinct integers is as fast as that with counts"; exit 1; }
