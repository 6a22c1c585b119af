#!/usr/bin/env bash
# Runs the page in headless Chromium, and compares it with a run on this machine.
set -euo pipefail
cd "$(dirname "$0")"

for chromium in chromium chromium-browser google-chrome none; do
    if command -v "$chromium" >/dev/null; then break; fi
done
[ "$chromium" != none ] || { echo "test.sh: needs chromium" >&2; exit 1; }

./build.sh
cargo build --quiet --locked --release --bin native
python3 test.py "$chromium" "${CARGO_TARGET_DIR:-target}/release/native"
