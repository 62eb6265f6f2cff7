#!/usr/bin/env bash
# h2o 3.46.0.11, Java 17. Guess: a frame that is sent to H2O holds the numbers and the gaps that Python had. Seen: numbers go as text through a
# parser of H2O's own: 5e-324 arrives as 0, and of random numbers between 0 and 1 about one in twelve differs in its last digit; a None in
# a column of categories of H2OFrame(dict) is no gap but the empty text, which levels() does not list, while None among numbers is a gap.
set -euo pipefail
command -v java >/dev/null || { echo "needs Java 17"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check h2o==3.46.0.11 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON'
import random
import socket

import h2o

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
h2o.init(ip="127.0.0.1", port=port, bind_to_localhost=True, max_mem_size="1g", nthreads=1, verbose=False)
h2o.no_progress()
try:
    draw = random.Random(1)
    sent = [1e-300, 5e-324, 1.5, *(draw.random() for _ in range(1000))]
    frame = h2o.H2OFrame({"a": sent}, column_types={"a": "real"})
    back = [float(row[0]) for row in h2o.as_list(frame, use_pandas=False, header=False)]
    means = [frame[place, 0] for place in range(3)]
    differing = sum(frame[place, 0] != sent[place] for place in range(3, 203))
    print("1e-300, 5e-324, 1.5 arrive as", means)
    print("of 200 numbers between 0 and 1, different after the way:", differing)
    texts = h2o.H2OFrame({"c": ["x", None, "y"], "n": [1.0, None, 2.0]}, column_types={"c": "enum", "n": "real"})
    print("the rows of None:", repr(texts[1, "c"]), repr(texts[1, "n"]))
    levels, gaps = texts["c"].levels()[0], [texts[name].nacnt()[0] for name in ("c", "n")]
    print("levels of x, None, y:", levels, "- gaps of categories and numbers:", gaps)
    same = means == [1e-300, 0.0, 1.5] and 5 <= differing <= 100 and texts[1, "c"] == "" and levels == ["x", "y"] and gaps == [0, 1]
finally:
    h2o.cluster().shutdown()
raise SystemExit(0 if same else "changed")
PYTHON
