# make sweep   run the lung-CT center-momentum study and print its answer
# make test    run every test
# make setup   only the environment in .venv; cheap when nothing changed
# make weights trained networks that are read, not imported, in .weights: LPIPS, text, landmarks
# make peers   what the benchmarks compare with, beside it

PYTHON ?= python3
BIN := .venv/bin
DONE := .venv/.done

# Kept bytecode spares every worker process compiling torch, Ray and MLflow anew (twice the time of the tests).
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup weights peers sweep test lint lock

setup: $(DONE)

$(DONE): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"python: must be 3.11 to 3.13, got {v[0]}.{v[1]}; name another with make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(DONE)

weights: setup
	$(BIN)/python -m trainables.portrait.weights

peers: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e '.[peers]'

sweep: setup
	$(BIN)/python sweeps/dino_cm.py

test: setup
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# Every version, for Linux and Apple-silicon macOS, Python 3.11 to 3.13; needs `pip install uv`.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --extra test --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
