#!/usr/bin/env bash
# Builds the page in target/site: files for any web server.
set -euo pipefail
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-target}

cargo build --quiet --locked --release --lib --target wasm32-unknown-unknown
mkdir -p target/site
cp index.html main.js ../../fixtures/file.wasm ../../tests/transcripts/file.jsonl target/site/
cp "$target/wasm32-unknown-unknown/release/tollgate_browser.wasm" target/site/tollgate.wasm
