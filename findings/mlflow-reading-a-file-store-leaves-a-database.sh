#!/usr/bin/env bash
# mlflow-skinny 3.17.2 with SQLAlchemy, Python 3.11. Guess: a client with a tracking URI and a registry URI talks to these two places and to no other; reading changes nothing.
# Seen: with a store of files (mlruns) as both, reading one version of a registered model creates ./mlflow.db, a migrated SQLite database of nearly a megabyte, in whatever folder
# the program runs in: the file store makes a second client without any URI to look for the version's model, and the default store of MLflow 3 is created when it is asked.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow-skinny==3.17.2 'sqlalchemy>=2,<3' alembic
mkdir "$folder/here" "$folder/model"
cat > "$folder/write.py" <<'PYTHON'
import pathlib
import sys

from mlflow import MlflowClient

place = pathlib.Path(sys.argv[1]).as_uri()
client = MlflowClient(tracking_uri=place, registry_uri=place)
client.create_registered_model("m")
client.create_model_version("m", source=pathlib.Path(sys.argv[2]).as_uri())
PYTHON
cat > "$folder/read.py" <<'PYTHON'
import pathlib
import sys

from mlflow import MlflowClient

place = pathlib.Path(sys.argv[1]).as_uri()
print("version read:", MlflowClient(tracking_uri=place, registry_uri=place).get_model_version("m", "1").version)
left = sorted((one.name, one.stat().st_size) for one in pathlib.Path.cwd().iterdir())
print("in the current folder now:", left)
sys.exit([name for name, _ in left] != ["mlflow.db"])
PYTHON
export MLFLOW_ALLOW_FILE_STORE=true MLFLOW_DISABLE_TELEMETRY=true
(cd "$folder" && "$folder/venv/bin/python" write.py "$folder/mlruns" "$folder/model") 2>"$folder/log"
cd "$folder/here"
"$folder/venv/bin/python" "$folder/read.py" "$folder/mlruns" 2>>"$folder/log" ||
  { cat "$folder/log"; echo "changed: nothing is left in the current folder"; exit 1; }
