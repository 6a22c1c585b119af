#!/bin/sh
# Checks {{name}}.wasm, and has it look at a variable with and without the grant for it.
# TOLLGATE names the program where it is not on the path.
set -eu
cd "$(dirname -- "$0")"
tollgate=${TOLLGATE:-tollgate}
plugin={{wasm}}

"$tollgate" check "$plugin"
HOME=/somewhere "$tollgate" observe "$plugin" --grant env:HOME --config '{"variable":"HOME"}' |
    grep -q '"value":"/somewhere"' || { echo "the variable was not seen" >&2; exit 1; }
if "$tollgate" observe "$plugin" --config '{"variable":"HOME"}' >/dev/null 2>&1; then
    echo "it saw a variable that was not granted" >&2
    exit 1
fi
echo "{{name}}: ok"
