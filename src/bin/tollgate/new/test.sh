#!/bin/sh
# Tests the built plugin in the made-up world test/world.json, with the config test/config.json: once with the
# grants of test/grants.json, once without grants. The evidence must be that of test/granted.json and
# test/denied.json. When you change what the plugin reports: sh test.sh --update
# TOLLGATE names the program where it is not on the path.
set -eu
cd "$(dirname -- "$0")"
tollgate=${TOLLGATE:-tollgate}
plugin={{name}}.wasm

stop() {
    printf 'test.sh: %s\n' "$@" >&2
    exit 1
}

case "$*" in
"") update= ;;
--update) update=yes ;;
*) stop "unknown arguments: $*" "usage: sh test.sh [--update]" ;;
esac
command -v "$tollgate" >/dev/null \
    || stop "the program $tollgate was not found: put tollgate on the path, or name it: TOLLGATE=/path/to/tollgate sh test.sh"
[ -f "$plugin" ] || stop "$plugin is not built: sh build.sh"
newer=$(find {{sources}} -newer "$plugin" 2>/dev/null | head -n 1)
[ -z "$newer" ] || stop "$newer was changed after $plugin was built: sh build.sh"

"$tollgate" check "$plugin" --config "$(cat test/config.json)" \
    || stop "stopped by what \`tollgate check $plugin\` found, above; warnings count. The plugin was not run further"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
changed=
for case in granted denied; do
    set -- --world test/world.json --config-file test/config.json --format pretty
    [ "$case" = denied ] || set -- "$@" --grants-file test/grants.json
    # 0 and 1 are the status of the evidence.
    code=0
    "$tollgate" observe "$plugin" "$@" >"$work/evidence" 2>"$work/log" || code=$?
    if [ "$code" -gt 1 ]; then
        cat "$work/log" >&2
        stop "the plugin failed: tollgate observe $plugin $*"
    fi
    # The time is not what is tested.
    grep -v '^  "timestamp": ' "$work/evidence" >"$work/$case.json"
    if [ -n "$update" ]; then
        cp "$work/$case.json" "test/$case.json"
        echo "wrote test/$case.json"
    elif ! diff -u "test/$case.json" "$work/$case.json" >"$work/diff"; then
        changed=yes
        printf 'test.sh: the evidence is not that of test/%s.json:\n' "$case" >&2
        tail -n +3 "$work/diff" >&2
    fi
done
[ -z "$changed" ] || stop "if this change is intended: sh test.sh --update, and commit test/"
echo "{{name}}: ok"
