# run · test · fuzz · deploy · format      (stop and reset go with run; lock is for upgrades)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AUDIT := $(VENV)/audit
SOURCES := functions infra layers tests

SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# One line that counts up instead of a line a package.
PROGRESS = awk -v all="$$(grep -c == requirements.lock)" \
  '/^(Collecting|Requirement already)/ { printf "\r  %d of %d packages", ++n, all; fflush() } \
   /^Installing/ { printf "\r  installing %d packages ...", all; fflush() } \
   END { printf "\r  %d packages are installed \n", all }'

.DEFAULT_GOAL := run
.PHONY: run stop reset test fuzz audit audit-packages deploy format openapi lock

run: $(VENV)/ready
	@$(BIN)/pushcart up

stop: $(VENV)/ready
	@$(BIN)/pushcart down

reset: $(VENV)/ready
	@$(BIN)/pushcart reset

test: $(VENV)/ready
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

# Known weaknesses in the code and the templates; what is accepted stands there with its reason.
audit: $(AUDIT)/ready
	$(AUDIT)/bin/bandit -q -ll -r functions infra layers/commerce
	$(AUDIT)/bin/checkov --config-file infra/checkov.yaml

# Known vulnerabilities of the packages; asks a public database, and fails where there is none.
# PYSEC-2026-2132 is of click.edit(), which nothing here calls; aws-sam-cli needs that click.
audit-packages: $(AUDIT)/ready
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock \
	  --ignore-vuln PYSEC-2026-2132
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement layers/vendor/requirements.txt
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement functions/site/requirements.txt
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement functions/staff/requirements.txt

# In an environment of their own, for checkov asks for older packages than the shop has.
$(AUDIT)/ready: infra/audit.lock
	@$(MAKE) --no-print-directory $(VENV)/ready
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
	  --no-deps --require-hashes --requirement $<
	@touch $@

# To AWS, with the account and region of your AWS settings; sam asks before it changes anything.
deploy: $(VENV)/ready
	@python3.13 -c '' 2>/dev/null || { \
	  echo "make deploy builds for Python 3.13 and finds no python3.13: install it first." >&2; exit 1; }
	@find functions layers -name __pycache__ -type d -prune -exec rm -rf {} + # must not ship
	$(BIN)/sam build
	$(BIN)/sam deploy

format: $(VENV)/ready
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# The deployed shop, called 10,000 times as its document says and as it says not to.
fuzz: $(VENV)/ready
	$(BIN)/pytest -n 0 -s --hypothesis-profile thorough tests/e2e/test_published_document.py

# The API's document, after a change to what an operation takes or gives.
openapi: $(VENV)/ready
	@$(BIN)/pushcart openapi

# Made again only when the lock or the project file changed.
$(VENV)/ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Pushcart needs Python 3.11 or newer; name it with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV); the first time takes about a minute."
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off \
	  --no-deps --require-hashes --requirement requirements.lock | $(PROGRESS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
	  --no-deps --no-build-isolation --editable .
	@touch $@

# The newest versions that pyproject.toml allows, with their hashes, for every Python and system.
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(COMPILE) --upgrade --python-version 3.11 --extra dev --output-file requirements.lock pyproject.toml
	{ echo "# The tools of make audit, with their hashes; made by: make lock"; \
	  printf '%s\n' bandit checkov pip-audit | $(COMPILE) --upgrade --python-version 3.11 -; } > infra/audit.lock
	{ echo "# What the functions import on AWS, at the versions of requirements.lock; made by: make lock"; \
	  printf '%s\n' anyascii aws-lambda-powertools idna jinja2 pydantic standardwebhooks tzdata | \
	  $(COMPILE) --python-version 3.13 --constraint requirements.lock -; } > layers/vendor/requirements.txt
	{ echo "# What the site function imports on AWS beside the layers, at the versions of requirements.lock; made by: make lock"; \
	  printf '%s\n' chalice flask-swagger-ui | \
	  $(COMPILE) --no-deps --python-version 3.13 --constraint requirements.lock -; } > functions/site/requirements.txt
	{ echo "# What the staff's authorizer imports on AWS beside the layers, at the versions of requirements.lock; made by: make lock"; \
	  printf '%s\n' 'pyjwt[crypto]' | \
	  $(COMPILE) --python-version 3.13 --constraint requirements.lock -; } > functions/staff/requirements.txt
