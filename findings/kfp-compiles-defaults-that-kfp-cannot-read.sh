#!/usr/bin/env bash
# kfp 2.17.0. A pipeline whose text parameter has a default of two lines, such as a query or a certificate, is compiled to YAML.
# Guess: the file holds the default as a quoted text and is read again. Seen: Compiler().compile also writes defaults, as Python
# shows them in YAML, into the comment at the file's head; the second line stands there without a "#", so that kfp's own
# load_component_from_file and every other YAML parser refuse the file. Nothing is said when it is compiled.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0
cd "$folder"
cat > pipeline.py <<'PYTHON'
import sys
import warnings

warnings.simplefilter("ignore")
from kfp import compiler, components, dsl


@dsl.component
def show(query: str):
    print(query)


for name, text in (("one-line", "SELECT 1"), ("two-lines", "SELECT 1\nFROM t")):

    @dsl.pipeline(name=name)
    def shown(query: str = text):
        show(query=query)

    compiler.Compiler().compile(shown, f"{name}.yaml")
    try:
        components.load_component_from_file(f"{name}.yaml")
    except Exception as error:
        print(f"{name}: {type(error).__name__}")
    else:
        print(f"{name}: read again")
PYTHON
venv/bin/python pipeline.py 2>/dev/null | tee seen.txt
diff seen.txt - <<'EXPECTED' || { echo "changed"; exit 1; }
one-line: read again
two-lines: ScannerError
EXPECTED
