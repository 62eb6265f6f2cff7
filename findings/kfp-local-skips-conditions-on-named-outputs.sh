#!/usr/bin/env bash
# kfp 2.17.0, Python 3.11, local.SubprocessRunner. Guess: dsl.If on an output of a component runs its step wherever the output has the
# value, whatever the output is called. Seen: where the output is the component's only one (called "Output") the step runs; where it is a
# named output of a NamedTuple with the very same value the step is left out, no word is said, and the pipeline ends with SUCCESS.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0 kfp-pipeline-spec==2.17.0
cd "$folder"
cat > conditions.py <<'PYTHON'
import sys
from typing import NamedTuple
from kfp import dsl, local

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="./outputs")

@dsl.component
def only() -> str:
    return "go"

@dsl.component
def named() -> NamedTuple("Said", word=str):
    from typing import NamedTuple
    return NamedTuple("Said", word=str)("go")

@dsl.component
def act():
    print("the step ran")

@dsl.pipeline
def on_the_only_output():
    with dsl.If(only().output == "go"):
        act()

@dsl.pipeline
def on_a_named_output():
    with dsl.If(named().outputs["word"] == "go"):
        act()

globals()[sys.argv[1]]()
PYTHON
ran() { PATH="$folder/venv/bin:$PATH" python -W ignore conditions.py "$1" > "$1.log" 2>&1; grep -c "the step ran" "$1.log" || true; }
only=$(ran on_the_only_output)
named=$(ran on_a_named_output)
ended=$(grep -c "Pipeline.*finished with status.*SUCCESS" on_a_named_output.log || true)
printf 'condition on the only output:  step ran %s time(s)\ncondition on a named output:   step ran %s time(s), pipeline SUCCESS %s time(s)\n' "$only" "$named" "$ended"
[ "$only" = 1 ] || { echo "changed: the step behind a condition on the only output does not run"; exit 1; }
[ "$named" = 0 ] && [ "$ended" = 1 ] || { echo "changed: a condition on a named output is no longer passed over in silence"; exit 1; }
