#!/usr/bin/env bash
# kfp 2.17.0, Python 3.11, local.SubprocessRunner. Guess: a component that takes List[int] or dict gets the integers that another step
# returned, or that stand in the pipeline. Seen: a single int stays an int; within a list or a dict each whole number arrives as a float
# ([1.0, 2.0]), from a literal, from another step and from dsl.Collected alike, and above 2**53 its digits are rounded. So a component that
# returns sum(values) and declares int fails with "returned value of type <class 'float'>; want type <class 'int'>".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0 kfp-pipeline-spec==2.17.0
cd "$folder"
cat > lists.py <<'PYTHON'
import sys
from typing import Dict, List
from kfp import dsl, local

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="./outputs")

@dsl.component
def show(values: List[int]):
    print("GOT", values)

@dsl.component
def show_dict(values: Dict[str, int]):
    print("GOT", values)

@dsl.component
def show_one(value: int):
    print("GOT", value)

@dsl.component
def make() -> List[int]:
    return [1, 9007199254740993]

@dsl.component
def same(value: int) -> int:
    return value

@dsl.component
def total(values: List[int]) -> int:
    return sum(values)

@dsl.pipeline
def one():
    show_one(value=same(value=3).output)

@dsl.pipeline
def literal():
    show(values=[1, 2])

@dsl.pipeline
def step():
    show(values=make().output)

@dsl.pipeline
def dictionary():
    show_dict(values={"a": 1})

@dsl.pipeline
def collected():
    with dsl.ParallelFor([1, 2]) as value:
        task = same(value=value)
    total(values=dsl.Collected(task.output))

globals()[sys.argv[1]]()
PYTHON
changed=0
expect() {
  PATH="$folder/venv/bin:$PATH" python -W ignore lists.py "$1" > run.log 2>&1 || true
  seen=$(grep -o "$2.*" run.log | tail -n 1 || true)
  printf '%-11s %s\n' "$1" "$seen"
  [ "$seen" = "$3" ] || { echo "changed: expected $3"; changed=1; }
}
expect one "GOT" "GOT 3"
expect literal "GOT" "GOT [1.0, 2.0]"
expect step "GOT" "GOT [1.0, 9007199254740992.0]"
expect dictionary "GOT" "GOT {'a': 1.0}"
expect collected "returned value of type" "returned value of type <class 'float'>; want type <class 'int'>"
exit $changed
