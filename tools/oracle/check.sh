#!/usr/bin/env bash
# Computes committed reference values again, with the libraries that they came from.
#
#   check.sh FOLDER...   each holds requirements.txt and oracle.py, which is run with --check
#
# Needs python3 with venv and PyPI. The libraries are installed once per requirements, below ORACLE_HOME (~/.cache/plumbline/oracle).
set -euo pipefail

if ! command -v python3 >/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "check oracles: no python3 with venv: install Python 3.11 or newer (Debian: apt-get install python3 python3-venv)" >&2
  exit 1
fi
home=${ORACLE_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/plumbline/oracle}

# into installs a folder's requirements, once: a half-installed environment is never found under its name.
into() {
  local env=$1 from=$2
  [[ -x $env/bin/python ]] && return
  mkdir -p "$home"
  rm -rf "$env.new"
  python3 -m venv "$env.new"
  "$env.new/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$from"
  mv "$env.new" "$env"
}

for folder in "$@"; do
  env=$home/$(cat "$folder/requirements.txt" <(python3 --version) | sha256sum | cut -c1-16)
  into "$env" "$folder/requirements.txt"
  "$env/bin/python" "$folder/oracle.py" --check
done
