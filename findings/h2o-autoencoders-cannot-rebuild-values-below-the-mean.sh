#!/usr/bin/env bash
# h2o 3.46.0.11, Java 17. Guess: the output layer of an autoencoder is linear, so that it can give back any number; hidden layers have the activation that is asked for.
# Seen: H2OAutoEncoderEstimator applies the activation to its last layer too, on centred inputs. With Rectifier, the default, no value below a column's mean is ever given back: half of
# the rows of any column have an error that no training can lower, on a line that one number describes. With Tanh both sides are given back. Nothing says so, in a log or in the model.
set -euo pipefail
command -v java >/dev/null || { echo "needs Java 17"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check h2o==3.46.0.11 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON'
import socket
import sys

import h2o
import numpy as np
from h2o.estimators import H2OAutoEncoderEstimator

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
h2o.init(ip="127.0.0.1", port=port, bind_to_localhost=True, max_mem_size="1g", nthreads=1, verbose=False)
h2o.no_progress()
as_seen = True
try:
    hidden = np.random.default_rng(0).normal(size=2000)
    columns = {"a": 5 + hidden, "b": -3 + 2 * hidden, "c": 1 - hidden}
    frame = h2o.H2OFrame({name: values.tolist() for name, values in columns.items()})
    for activation in ("Rectifier", "Tanh"):
        model = H2OAutoEncoderEstimator(
            hidden=[8], activation=activation, epochs=60, seed=1, reproducible=True, standardize=True
        )
        model.train(x=list(columns), training_frame=frame)
        rows = h2o.as_list(model.predict(frame), use_pandas=False, header=False)
        rebuilt = np.array(rows, dtype=float)
        for place, (name, values) in enumerate(columns.items()):
            scaled = (rebuilt[:, place] - values.mean()) / values.std()
            print(f"{activation} {name}: given {(values - values.mean()).min() / values.std():.2f} to "
                  f"{(values - values.mean()).max() / values.std():.2f}, rebuilt {scaled.min():.2f} to {scaled.max():.2f}")
            as_seen &= bool(scaled.min() > -0.01) if activation == "Rectifier" else bool(scaled.min() < -2)
finally:
    h2o.cluster().shutdown()
sys.exit(not as_seen)
PYTHON
