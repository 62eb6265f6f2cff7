#!/usr/bin/env bash
# kfp 2.17.0, Python 3.11. Guess: a function with keyword-only parameters ("def f(*, a: str)") can be a component and a pipeline alike, since
# both are always called by name (KFP itself refuses positional arguments of either). Seen: as a component it compiles and runs; as a pipeline
# the decorator itself raises a TypeError, because dsl.pipeline calls the function by position, with one channel for each parameter.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0 kfp-pipeline-spec==2.17.0
cd "$folder"
cat > keyword_only.py <<'PYTHON'
from kfp import dsl, local

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="./outputs")

@dsl.component
def join(*, first: str, second: str = "b") -> str:
    return first + second

@dsl.pipeline
def by_any_name(first: str) -> str:
    return join(first=first).output

print("component:", by_any_name(first="a").output)
try:
    join("a")
except TypeError as error:
    print("component, by position:", error)
try:
    by_any_name("a")
except TypeError as error:
    print("pipeline, by position:", error)
try:
    @dsl.pipeline
    def by_name_only(*, first: str) -> str:
        return join(first=first).output
    print("pipeline, keyword-only: compiled")
except TypeError as error:
    print("pipeline, keyword-only:", error)
PYTHON
PATH="$folder/venv/bin:$PATH" python -W ignore keyword_only.py > log 2>&1
grep -E "^(component|pipeline)" log
grep -qx "component: ab" log || { echo "changed: a component with keyword-only parameters does not run"; exit 1; }
grep -q "^pipeline, keyword-only: .*takes 0 positional arguments but 1 was given" log || { echo "changed: a pipeline may have keyword-only parameters"; exit 1; }
