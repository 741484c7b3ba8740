#!/usr/bin/env bash
# Builds the site into site/, from docs/, the docstrings and the records: open site/index.html.
# Warnings are errors, and so are links that lead nowhere. Sets up the environment if need be.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$("$root/scripts/setup.sh" docs)
cd "$root"
"$python" -m scripts.docs
