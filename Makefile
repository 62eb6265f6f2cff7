# Each target sets up what it needs in .venv and reuses it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PACKAGES := api cli cluster components core deep experiments jupyter kustomize migration model_import monitoring pipelines project_template registry reports rollouts serving steps stores streams
FOLDERS := $(filter-out jupyter,$(PACKAGES)) integrations/jupyter
NAME ?= line
CHROMIUM ?= chromium
SERVERS := airflow or docker or h2o or jupyter or mlserver or kafka or minio or mlflow or postgres or prometheus or kubernetes or jvm
MARKS := ($(SERVERS)) and not exhaustive
ENGINE ?= docker
EXTRA ?=
REGISTRY ?=

OTHER ?= python3.13

.PHONY: help demo jvm test test-slow test-random test-real test-wheel soak soak-stream check format bench image sbom push archive lock compiled notebooks screenshots clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.run  ## the whole line on a real table, ending with a question to the endpoint
	$(BIN)/headrace demo

test: $(VENV)/.dev  ## the default tests: no Docker, no cluster, no network
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/.dev  ## the slow tests: whole runs that are killed or repeated, large tables, long searches
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow and not ($(SERVERS) or exhaustive)"

test-random: $(VENV)/.dev  ## the property tests, twenty times longer and with other examples each time
	$(BIN)/python -m pytest -n 2 -m hypothesis --hypothesis-profile random --timeout 3600 $(ARGS)

# The node first and alone: it must answer each request while its pods change, whatever else the machine would do.
# Then three processes whatever the cores: they often wait for servers.
test-real: $(VENV)/.dev  ## the tests against real servers (MinIO, PostgreSQL, Prometheus, Docker, Kubernetes)
	$(BIN)/python -m pytest -n 0 -m "$(MARKS)" tests/node || [ $$? -eq 5 ]  # 5: MARKS chooses none of them
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "$(MARKS)" --ignore tests/node

# What is installed elsewhere, on a Python beside the one of .venv.
SHORT := tests/golden tests/core/contracts tests/core/onnx_export
test-wheel: $(VENV)/.dev  ## the shortest tests against the built wheel: make test-wheel OTHER=python3.13
	rm -rf build/wheel && $(BIN)/python -m build --wheel --no-isolation --outdir build/wheel . >/dev/null
	$(OTHER) -m venv --clear build/other-python
	build/other-python/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	build/other-python/bin/python -m pip install --quiet --disable-pip-version-check --no-deps build/wheel/*.whl
	build/other-python/bin/python -m pytest -n 2 --dist loadfile $(SHORT)

soak: $(VENV)/.dev  ## a server at full load for ten minutes, with swaps and killed workers
	$(BIN)/python -m pytest -n 0 -m slow tests/serving/test_soak.py --soak-seconds 600 --timeout 900

soak-stream: $(VENV)/.dev  ## a stream under load for an hour, with rebalances and swaps, on a real broker
	$(BIN)/python -m pytest -n 0 -m kafka tests/streams/test_kafka_soak.py --soak-seconds 3600 --timeout 4500

# Tests that read the source and the documents, and run nothing of them.
STRUCTURE := tests/test_structure.py tests/test_names.py tests/test_documents.py tests/test_array_shapes.py tests/test_import_circles.py

jvm:  ## the Java library that `headrace export --to jvm` packs a model into (needs Java 17 and Maven)
	mvn --quiet --batch-mode --file jvm/pom.xml package

check: $(VENV)/.dev  ## lint, format, types, layers, names, documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(foreach p,$(PACKAGES),-p headrace.$(p)) && $(BIN)/mypy -p images
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 0 -q -m "not slow" $(STRUCTURE)

format: $(VENV)/.dev  ## put the code into its form
	$(BIN)/ruff check --fix-only . && $(BIN)/ruff format .

bench: $(VENV)/.bench  ## one benchmark beside its peers: make bench NAME=line
	$(BIN)/python benchmarks/$(NAME).py $(ARGS)

image: $(VENV)/.run  ## the suite's own image; EXTRA=explain adds what explains trees
	$(BIN)/python -m images.build --engine "$(ENGINE)" --extra "$(EXTRA)"

sbom: $(VENV)/.run  ## the image's bill of materials (CycloneDX); what lies below its wheels too if it is built
	$(BIN)/python -m images.sbom --engine "$(ENGINE)" --extra "$(EXTRA)"

push: $(VENV)/.run  ## push the image to REGISTRY=HOST/PATH, and tell its digest
	$(BIN)/python -m images.push "$(REGISTRY)" --engine "$(ENGINE)" --extra "$(EXTRA)"

archive: $(VENV)/.run  ## images, wheels, manifests, pipelines and checksums in one file, for clusters without the Internet
	$(BIN)/python -m images.archive --engine "$(ENGINE)" $(ARGS)

compiled: $(VENV)/.dev  ## write the compiled pipelines, the rendered manifests and the schemas anew
	$(BIN)/python -m pytest -q tests/golden --rewrite -m "not exhaustive"

notebooks: $(VENV)/.dev  ## execute the notebooks of docs/notebooks, and write their outputs again
	$(BIN)/python -m pytest -q -n 0 -m jupyter tests/jupyter/test_notebooks.py --rewrite

screenshots: $(VENV)/.run  ## photograph the demo's report for the README (needs Chromium; CHROMIUM=/path/to/it)
	mkdir -p build/screenshots
	cd build/screenshots && $(CURDIR)/$(BIN)/headrace demo
	"$(CHROMIUM)" --headless --no-sandbox --hide-scrollbars --user-data-dir=build/screenshots/chromium \
	  --window-size=1200,720 --screenshot=docs/images/report.png file://$(CURDIR)/build/screenshots/headrace-out/demo/report.html

lock:  ## pin all dependencies by hash (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  pyproject.toml -o requirements/run.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  -c requirements/run.lock --extra dev --extra sql pyproject.toml -o requirements/dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  -c requirements/dev.lock --extra avro --extra kafka --extra sql pyproject.toml -o requirements/image.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  -c requirements/dev.lock --extra avro --extra explain --extra kafka --extra sql pyproject.toml -o requirements/image-explain.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  -c requirements/dev.lock --extra dev --extra sql --extra bench pyproject.toml -o requirements/bench.lock

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Headrace needs Python 3.11, 3.12 or 3.13; $(PYTHON) is another: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# A lock's packages, then the project itself as a tree of links; a new or deleted module renews the links.
$(VENV)/.%: requirements/%.lock pyproject.toml setup.cfg $(shell find $(FOLDERS) -type d -not -name __pycache__) | $(VENV)/bin/python
	@cmp -s $< $(VENV)/$*.lock || { echo "Installing $< (a few minutes the first time)..."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $(VENV)/$*.lock; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:  ## take away what was built; the packages in .venv stay
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
