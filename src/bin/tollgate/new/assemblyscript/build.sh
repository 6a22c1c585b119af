if [ -z "${ASC:-}" ]; then
    ASC=node_modules/.bin/asc
    [ -x "$ASC" ] || ASC=$(command -v asc) \
        || stop "asc, the compiler of AssemblyScript, was not found: run \`npm install\` here, or name it by ASC"
fi
# AssemblyScript writes no lines that tollgate reads: debug keeps the names of functions, and does not inline them.
case $profile in
release) set -- -O ;;
debug) set -- --debug ;;
esac
"$ASC" plugin.ts "$@" --use abort=tollgate/abort -o "$wasm"
