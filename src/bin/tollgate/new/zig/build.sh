if command -v "${ZIG:=zig}" >/dev/null; then
    set -- "$ZIG"
elif "${PYTHON:=python3}" -c 'import ziglang' 2>/dev/null; then
    set -- "$PYTHON" -m ziglang
else
    stop "zig was not found: install it (https://ziglang.org/download), and put it on the path or name it by ZIG" \
        "(\`pip install ziglang\` brings it, too)"
fi
case $profile in
release) set -- "$@" build-exe -O ReleaseSmall -fstrip ;;
# With checks of overflows and ranges.
debug) set -- "$@" build-exe -O ReleaseSafe -fno-strip ;;
esac
# A small stack keeps the memory of an instance small, and with it the reset between calls quick.
"$@" plugin.zig -target wasm32-freestanding -fno-entry -rdynamic --stack 131072 -femit-bin="$wasm"
