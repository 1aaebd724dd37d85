#!/usr/bin/env bash
# Makes .venv and installs the pinned packages; does nothing when that has been done for this very state.
#
#   requirements/install.sh run    what `deepiterreg register` needs
#   requirements/install.sh test   that, and PyTorch, the reference renderers and the tools
#
# PYTHON names the interpreter; without it, the first suitable one of python3, python3.12 and python3.11 is taken.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

level=${1:-run}
venv=.venv
log=$venv/install.log

say() { printf '%s\n' "$*"; }
fail() {
  printf 'Set-up: %s\n' "$*" >&2
  exit 1
}

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }
version() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null || true; }

find_python() {
  local candidate
  if [[ -n ${PYTHON:-} ]]; then
    suits "$PYTHON" && { say "$PYTHON"; return; }
    candidate=$(version "$PYTHON")
    fail "DeepIterReg needs Python 3.11 or 3.12, and ${PYTHON} is ${candidate:-not there}; name another with 'make PYTHON=python3.12 ...'."
  fi
  for candidate in python3 python3.12 python3.11; do
    if suits "$candidate"; then say "$candidate"; return; fi
  done
  candidate=$(version python3)
  fail "DeepIterReg needs Python 3.11 or 3.12, and python3 is ${candidate:-not installed}; install one and name it with 'make PYTHON=/path/to/python3.12 ...'."
}

# An environment without pip is what Debian's python3 makes when its python3-venv is not installed.
make_venv() {
  rm -rf "$venv"
  if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv "$venv"
  elif "$python" -c 'import pip, venv' 2>/dev/null; then
    "$python" -m venv --without-pip "$venv"
    "$python" -m pip --python "$venv/bin/python" install --quiet pip
  else
    fail "$python cannot make virtual environments; on Debian run 'apt install python3-venv', then repeat this command."
  fi
}

install() {
  local what=$1
  shift
  say "Set-up: installing $what"
  if ! "$venv/bin/python" -m pip --disable-pip-version-check install -qq --no-input "$@" 2>&1 | tee -a "$log"; then
    fail "$what could not be installed; pip's reason is above and in $log. Repeat the command to try again."
  fi
}

# An environment holds absolute paths, so one that was moved or copied does not fit; neither does one of another Python
# than PYTHON asks for.
venv_fits() {
  [[ -f $venv/location && $(<"$venv/location") == "$(pwd -P)" ]] && suits "$venv/bin/python" || return 1
  [[ -z ${PYTHON:-} || $(version "$PYTHON") == "$(version "$venv/bin/python")" ]]
}

# Each state file holds a checksum of the files that its step depends on.
state_of() { cat requirements/install.sh "$@" | cksum; }
is_made() { [[ -f $venv/$1.state && $(<"$venv/$1.state") == "$2" ]]; }

run_state=$(state_of pyproject.toml requirements/run.txt)
test_state=$(state_of requirements/torch.txt requirements/test.txt)

if venv_fits && is_made run "$run_state"; then
  if [[ $level == run ]] || is_made test "$test_state"; then exit; fi
fi

# Two makes at once would install over each other: the second waits, then finds everything made.
if [[ -z ${INSTALL_LOCKED:-} ]] && command -v flock >/dev/null; then
  INSTALL_LOCKED=1 exec flock requirements/install.sh requirements/install.sh "$level"
fi

if ! venv_fits; then
  python=$(find_python)
  say "Set-up: making $venv with $(command -v "$python") ($(version "$python"))"
  make_venv
  pwd -P >"$venv/location"
fi
if ! is_made run "$run_state"; then
  install "what a registration needs (400 MB to download, 1.7 GB on disk)" -r requirements/run.txt
  install "DeepIterReg" --no-deps --no-build-isolation -e .
  printf '%s' "$run_state" >"$venv/run.state"
fi
if [[ $level == test ]] && ! is_made test "$test_state"; then
  install "PyTorch (on Linux with CUDA, 2.7 GB to download; docs/development.md tells how to get the CPU build)" -r requirements/torch.txt
  install "the reference renderers and the tools" --no-deps -r requirements/test.txt
  printf '%s' "$test_state" >"$venv/test.state"
fi
