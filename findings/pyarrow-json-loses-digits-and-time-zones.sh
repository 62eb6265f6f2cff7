#!/usr/bin/env bash
# pyarrow 26.0.1. Guess: pyarrow.json reads whole numbers as they stand or refuses them, and leaves a text a text unless a schema says what it
# is. Seen: a whole number above 2**63 makes its column a double, so that ids of 64 bits without sign lose digits in silence (here also the
# one beside it that would have fitted); texts that are all ISO 8601 times become timestamp[s] without a zone, moved to UTC where they had an
# offset, and dates alone become timestamps too. A single text
# with a fraction of a second among them, and all stay texts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import io
from datetime import datetime

import pyarrow.json

def read(*values):
    text = "".join(f'{{"a": {value}}}\n' for value in values)
    column = pyarrow.json.read_json(io.BytesIO(text.encode()))["a"]
    return str(column.type), column.to_pylist()

seen = {
    "unsigned id": read("18446744073709551615", "9007199254740993"),
    "fitting id": read("9223372036854775807"),
    "offsets": read('"2026-11-29T10:00:00+02:00"', '"2026-11-29T10:00:00Z"'),
    "dates": read('"2026-11-29"'),
    "fraction": read('"2026-11-29T10:00:00"', '"2026-11-29T10:00:00.5"')[0],
}
for name, value in seen.items():
    print(f"{name:12} {value}")
expected = {
    "unsigned id": ("double", [18446744073709551616.0, 9007199254740992.0]),
    "fitting id": ("int64", [9223372036854775807]),
    "offsets": ("timestamp[s]", [datetime(2026, 11, 29, 8), datetime(2026, 11, 29, 10)]),
    "dates": ("timestamp[s]", [datetime(2026, 11, 29)]),
    "fraction": "string",
}
changed = [name for name in expected if seen[name] != expected[name]]
raise SystemExit(f"changed: {changed}" if changed else 0)
PYTHON
