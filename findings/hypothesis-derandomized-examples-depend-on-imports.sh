#!/usr/bin/env bash
# Hypothesis 6.170.15, Python 3.11. Guess: with derandomize=True a property tries the same examples in every run.
# Seen: which examples it tries depends on what else the process has imported. Hypothesis collects the constants that stand
# in imported local modules and draws some of them, so that a test tries others when another file of tests is run before it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hypothesis==6.170.15 sortedcontainers==2.4.0

mkdir "$folder/project"
cd "$folder/project"
cat > prices.py <<'PYTHON'
LARGEST = 987654321
RATE = 0.73125
NAME = "a constant of a module that the test never uses"
PYTHON
cat > drawing.py <<'PYTHON'
import hashlib, importlib, sys
from hypothesis import given, settings, strategies as st
for name in sys.argv[1:]:
    importlib.import_module(name)
drawn = hashlib.sha256()
@settings(derandomize=True, database=None, max_examples=200)
@given(st.tuples(st.integers(), st.floats(), st.text()))
def draw(values):
    drawn.update(ascii(values).encode())
draw()
print(drawn.hexdigest()[:16])
PYTHON
alone=$("$folder/venv/bin/python" drawing.py)
again=$("$folder/venv/bin/python" drawing.py)
beside=$("$folder/venv/bin/python" drawing.py prices)
printf 'alone:                  %s\nalone, again:           %s\nafter "import prices":  %s\n' "$alone" "$again" "$beside"
[ "$alone" = "$again" ] || { echo "changed: the same run draws other examples"; exit 1; }
[ "$alone" != "$beside" ] || { echo "changed: imports make no difference any more"; exit 1; }
