#!/usr/bin/env bash
# kfp 2.17.0, Python 3.11, local.SubprocessRunner. Guess: of dsl.If and dsl.Else exactly one branch runs, and `rate >= 1` compares numbers,
# whichever of the two is written with a point. Seen: where a float is compared with a whole number (1.0 >= 1), or an integer with a float
# (3 > 2.5), neither branch runs, no word is said, and the pipeline ends with SUCCESS. The same if a text that is compared has an
# apostrophe. Two floats, two integers and other texts are compared as expected.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0 kfp-pipeline-spec==2.17.0
cd "$folder"
cat > branches.py <<'PYTHON'
import sys
from kfp import dsl, local

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="./outputs")

@dsl.component
def rate() -> float:
    return 1.0

@dsl.component
def count() -> int:
    return 3

@dsl.component
def word() -> str:
    return "it's"

@dsl.component
def act(branch: str):
    print("BRANCH", branch)

CASES = {
    "1.0 >= 1.0": (rate, lambda output: output >= 1.0),
    "3 > 2": (count, lambda output: output > 2),
    "1.0 >= 1": (rate, lambda output: output >= 1),
    "3 > 2.5": (count, lambda output: output > 2.5),
    "it's == it's": (word, lambda output: output == "it's"),
}
component, compare = CASES[sys.argv[1]]

@dsl.pipeline(name="branches")
def branches():
    with dsl.If(compare(component().output)):
        act(branch="if")
    with dsl.Else():
        act(branch="else")

branches()
PYTHON
changed=0
expect() {
  PATH="$folder/venv/bin:$PATH" python -W ignore branches.py "$1" > run.log 2>&1
  said=$(grep -o "BRANCH [a-z]*" run.log | sort -u | tr '\n' ' ' || true)
  ended=$(grep -c "Pipeline.*finished with status.*SUCCESS" run.log || true)
  printf '%-14s branches that ran: %-12s pipeline SUCCESS %s time(s)\n' "$1" "${said:-none}" "$ended"
  [ "${said:-none}" = "$2" ] && [ "$ended" = 1 ] || { echo "changed: expected $2"; changed=1; }
}
expect "1.0 >= 1.0" "BRANCH if "
expect "3 > 2" "BRANCH if "
expect "1.0 >= 1" none
expect "3 > 2.5" none
expect "it's == it's" none
exit $changed
