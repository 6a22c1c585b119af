#!/bin/sh
# Builds the plugin: {{name}}.wasm, which is small. `sh build.sh --profile debug` builds debug/{{name}}.wasm,
# with debug information, for `tollgate fuzz`, `tollgate coverage` and `tollgate profile`.
set -eu
cd "$(dirname -- "$0")"

stop() {
    printf 'build.sh: %s\n' "$@" >&2
    exit 1
}

case "$*" in
"" | "--profile release") profile=release wasm={{name}}.wasm ;;
"--profile debug") profile=debug wasm=debug/{{name}}.wasm ;;
*) stop "unknown arguments: $*" "usage: sh build.sh [--profile release|debug]" ;;
esac
mkdir -p "$(dirname "$wasm")"

{{build}}
echo "built $wasm, $(wc -c <"$wasm" | tr -d ' ') bytes"
