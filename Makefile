# On a Linux machine with Python >= 3.11, git and make:
#   make demo    trains on the sketch birds and writes a report
#   make test    runs every test that needs no GPU
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := attnforge plugins/gan/attnforge_gan plugins/attngan/attnforge_attngan plugins/sketch_birds/attnforge_sketch_birds \
	plugins/folder/attnforge_folder plugins/cub/attnforge_cub plugins/coco/attnforge_coco \
	plugins/encoders/attnforge_encoders plugins/metrics/attnforge_metrics plugins/machine/attnforge_machine \
	plugins/df_gan/attnforge_df_gan plugins/reed/attnforge_reed \
	plugins/gan_int_cls/attnforge_gan_int_cls plugins/rat_gan/attnforge_rat_gan plugins/ssa_gan/attnforge_ssa_gan \
	plugins/gawwn/attnforge_gawwn plugins/stackgan/attnforge_stackgan plugins/plug_and_play/attnforge_plug_and_play \
	plugins/r3gan/attnforge_r3gan plugins/wandb/attnforge_wandb \
	plugins/clip/attnforge_clip plugins/imagenet/attnforge_imagenet plugins/wordvectors/attnforge_wordvectors \
	plugins/tensorboard/attnforge_tensorboard
CODE := $(wildcard attnforge plugins tests benchmarks docs)
# Two processes of one thread each are faster on two cores than one process of two threads; none waits at the end.
PYTEST ?= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal
# The tests start many Pythons: importing torch from its source takes twice as long as from compiled modules.
test test-long test-versions coverage: export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-versions lint style types contracts format docs notebooks notice surface site wheels \
	readme-figures coverage pins gpu-check clean

help:
	@echo "make demo       install, then train, sample and report on the sketch birds (about five minutes)"
	@echo "make test       install, then run the tests that need no GPU"
	@echo "make test-long  run the tests that take minutes each, and properties with more examples"
	@echo "make test-versions  run the tests on every supported Python with lowest and newest dependencies (hours)"
	@echo "make lint       style, types and import contracts"
	@echo "make format     format the code"
	@echo "make gpu-check  test and benchmark kernels and training on a GPU (eight minutes)"
	@echo "make docs       generate the pages of docs/reference that come from the code"
	@echo "make notebooks  write docs/notebooks/*.ipynb from the .py files beside them"
	@echo "make site       build the documentation in build/site; a dead link is an error"
	@echo "make wheels     build wheels and source archives of attnforge and its plugins in dist/"
	@echo "make readme-figures  train the quickstart, or take RUN=..., and write the README's image and table"
	@echo "make notice     update NOTICE, the licenses of data and packages"
	@echo "make coverage   run the tests and list the lines that no test reaches"
	@echo "make surface    update the list of public names after an intended change"
	@echo "make pins       update requirements/*.txt from pyproject.toml"
	@echo "make clean      remove the environment, caches and builds; runs/ is kept"

# The installer is pinned with hashes too, so nothing unpinned is ever executed.
$(BIN)/uv: requirements/installer.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "attnforge needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/installer.txt
	@touch $@

# A stamp for each requirement file: nothing is installed again while neither file has changed.
$(VENV)/.installed-%: requirements/%.txt pyproject.toml $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $<
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.installed-runtime
	$(BIN)/attnforge quickstart $(ARGS)

test: $(VENV)/.installed-dev
	$(PYTEST) -m "not long" $(ARGS)

test-long: $(VENV)/.installed-dev $(VENV)/.installed-notebooks
	$(PYTEST) -n 0 -m "long or hypothesis" --hypothesis-profile=thorough $(ARGS)

# Before a release; ARGS="--python 3.12 --versions lowest" runs a part.
test-versions: $(VENV)/.installed-dev
	$(BIN)/python tests/support/promised_versions.py $(ARGS)

lint: style types contracts

style: $(VENV)/.installed-dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: $(VENV)/.installed-dev
	$(BIN)/mypy $(PACKAGES) docs/generate.py docs/readme_figures.py docs/write_notebooks.py benchmarks

contracts: $(VENV)/.installed-dev
	$(BIN)/lint-imports --no-cache --no-logo

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate.py

surface: $(VENV)/.installed-dev
	$(BIN)/python tests/support/public_surface.py --write

site: $(VENV)/.installed-dev
	$(BIN)/zensical build --strict --clean

# Each wheel is built from its source archive, so that the archive is known to be whole.
DISTRIBUTIONS := . $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
DIST ?= dist
wheels: $(VENV)/.installed-dev
	rm -f $(DIST)/attnforge*.whl $(DIST)/attnforge*.tar.gz
	for folder in $(DISTRIBUTIONS); do \
		$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir $(DIST) $$folder || exit 1; \
	done
	@ls $(DIST)

# RUN may name several runs; the table has a column for each.
readme-figures: $(VENV)/.installed-dev
	$(BIN)/python docs/readme_figures.py $(RUN)

# Their outputs are not kept: images depend on the run, and code hosts show pages with hovering badly.
notebooks: $(VENV)/.installed-notebooks
	$(BIN)/python docs/write_notebooks.py

notice: $(VENV)/.installed-dev
	$(BIN)/python tests/support/notice.py --write

coverage: $(VENV)/.installed-dev
	$(PYTEST) -m "not long" --cov --cov-report=term:skip-covered --cov-report=html:build/coverage $(ARGS)

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make pins" $(UPGRADE)
pins: $(BIN)/uv
	$(COMPILE) --group pyproject.toml:installer -o requirements/installer.txt
	$(COMPILE) pyproject.toml --group build -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt
	$(COMPILE) --group notebooks --constraints requirements/dev.txt -o requirements/notebooks.txt

# GPU_PYTHON names another Python that has torch, Triton and pytest; everything else is installed from the wheels
# that benchmarks/carry.sh collected, and nothing is downloaded.
CARRIED := build/carry
SITE := build/site
gpu-check: $(if $(GPU_PYTHON),$(SITE),$(VENV)/.installed-dev)
	PYTHONPATH=$(subst $(eval) ,:,. $(wildcard plugins/*) $(if $(GPU_PYTHON),$(SITE)) $(PYTHONPATH)) \
		$(or $(GPU_PYTHON),$(BIN)/python) benchmarks/gpu_check.py $(ARGS)

$(SITE): $(wildcard $(CARRIED)/*.whl)
	@test -n "$^" || { echo "$(CARRIED) contains no wheels; run benchmarks/carry.sh where packages can be downloaded"; exit 1; }
	$(GPU_PYTHON) -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-compile \
		--upgrade --target $@ $^
	@touch $@

clean:
	rm -rf $(VENV) .versions .coverage* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
