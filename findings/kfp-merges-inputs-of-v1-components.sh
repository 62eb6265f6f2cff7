#!/usr/bin/env bash
# kfp 2.17.0 loads component files of KFP v1. A v1 file has the inputs "top k" and "top-k", which v1 kept apart, and an optional
# one that is not given. Guess: names that become one in Python are told apart or refused, and an optional input that is not given
# is left out of the command, as v1 did. Seen: both become the one input top_k, which both places of the command get; and
# what was not given comes as the text "null". Neither is said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0
cd "$folder"
cat > component.yaml <<'YAML'
name: rank
inputs:
- {name: top k, type: Integer}
- {name: top-k, type: Integer}
- {name: label, type: String, optional: true}
implementation:
  container:
    image: python:3.11
    command: [rank, --most, {inputValue: top k}, --name, {inputValue: top-k}, --label, {inputValue: label}]
YAML
cat > load.py <<'PYTHON'
import warnings

warnings.simplefilter("ignore")
from kfp import components
from kfp.local import placeholder_utils

rank = components.load_component_from_file("component.yaml")
print("inputs:", *sorted(rank.component_spec.inputs))
command = rank.component_spec.implementation.container.command
print("command:", *(one if isinstance(one, str) else f"<{one.input_name}>" for one in command))
resolved = placeholder_utils.recursively_resolve_json_dict_placeholders(
    ["--label", "{{$.inputs.parameters['label']}}"],
    {"inputs": {"parameterValues": {"label": None}}, "outputs": {"outputFile": "o"}},
    pipeline_resource_name="p", task_resource_name="t", pipeline_root="/p",
    pipeline_job_id="1", pipeline_task_id="1",
)
print("not given:", *resolved)
PYTHON
venv/bin/python load.py 2>error.txt | tee seen.txt || { cat error.txt; exit 1; }
diff seen.txt - <<'EXPECTED' || { echo "changed"; exit 1; }
inputs: label top_k
command: rank --most <top_k> --name <top_k> --label <label>
not given: --label null
EXPECTED
