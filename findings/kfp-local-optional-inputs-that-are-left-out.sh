#!/usr/bin/env bash
# kfp 2.17.0, Python 3.11, local.SubprocessRunner. Guess: an input that is Optional with the default None may be left out, whatever its type,
# and a pipeline may pass its own optional parameter on to it. Seen: str, float, bool and list are None as they should be; an int raises
# "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"; a parameter of the pipeline
# that was left out raises "Unknown value type: " before any step, and an artifact of the pipeline that was left out "Parent pipeline input
# argument 'given' not found". All of them compile.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0 kfp-pipeline-spec==2.17.0
cd "$folder"
cat > optional.py <<'PYTHON'
import sys
from typing import Optional
from kfp import compiler, dsl, local
from kfp.dsl import Artifact, Input

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="./outputs")

@dsl.component
def text(given: Optional[str] = None):
    print("GOT", given)

@dsl.component
def number(given: Optional[float] = None):
    print("GOT", given)

@dsl.component
def whole(given: Optional[int] = None):
    print("GOT", given)

@dsl.component
def artifact(given: Optional[Input[Artifact]] = None):
    print("GOT", given)

@dsl.pipeline(name="p")
def left_out_text():
    text()

@dsl.pipeline(name="p")
def left_out_float():
    number()

@dsl.pipeline(name="p")
def left_out_int():
    whole()

@dsl.pipeline(name="p")
def left_out_artifact():
    artifact()

@dsl.pipeline(name="p")
def passed_on_text(given: Optional[str] = None):
    text(given=given)

@dsl.pipeline(name="p")
def passed_on_artifact(given: Optional[Input[Artifact]] = None):
    artifact(given=given)

chosen = globals()[sys.argv[1]]
compiler.Compiler().compile(chosen, "compiled.yaml")
print("compiled")
try:
    chosen()
except Exception as error:
    print("ERROR", type(error).__name__, error)
PYTHON
changed=0
expect() {
  PATH="$folder/venv/bin:$PATH" python -W ignore optional.py "$1" > run.log 2>&1
  seen=$(grep -o "\(GOT\|ERROR\|TypeError: int()\).*" run.log | head -n 1 || true)
  compiled=$(grep -c "^compiled" run.log || true)
  printf '%-19s compiles, %s\n' "$1" "$seen"
  [ "$compiled" = 1 ] && [[ $seen == $2* ]] || { echo "changed: expected $2"; changed=1; }
}
expect left_out_text "GOT None"
expect left_out_float "GOT None"
expect left_out_artifact "GOT None"
expect left_out_int "ERROR TypeError int() argument must be a string"
expect passed_on_text "ERROR ValueError Unknown value type"
expect passed_on_artifact "ERROR ValueError Parent pipeline input argument 'given' not found"
exit $changed
