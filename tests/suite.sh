#!/usr/bin/env bash
# Runs WebAssembly's own tests of all that is enabled (src/module/test_suite.rs), with portable and with fast
# dispatch, on a native stack of 256 KiB. Arguments go to the test program.
set -euo pipefail
cd "$(dirname "$0")/.."

# Only with this flag the tests are built, which need 25 MB of files.
export RUSTFLAGS="--cfg tollgate_suite ${RUSTFLAGS:-}"
for features in simd,portable-dispatch simd; do
    echo "features $features"
    cargo test --quiet --locked --lib --features "$features" test_suite -- "$@"
done
