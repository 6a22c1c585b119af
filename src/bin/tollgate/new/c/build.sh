# A small stack keeps the memory of an instance small, and with it the reset between calls quick.
if command -v "${ZIG:=zig}" >/dev/null; then
    set -- "$ZIG" cc -target wasm32-freestanding
elif "${PYTHON:=python3}" -c 'import ziglang' 2>/dev/null; then
    set -- "$PYTHON" -m ziglang cc -target wasm32-freestanding
elif command -v clang >/dev/null && command -v wasm-ld >/dev/null; then
    set -- clang --target=wasm32 -ffreestanding
else
    stop "no C compiler for WebAssembly was found. Install one of:" \
        "  zig, and put it on the path or name it by ZIG (\`pip install ziglang\` brings it, too)" \
        "  clang and lld (Debian: apt install clang lld)"
fi
case $profile in
release) set -- "$@" -Os -s ;;
# The sources are in the module, and what C leaves undefined is a trap.
debug) set -- "$@" -O1 -gdwarf-5 -gembed-source -fsanitize=undefined -fsanitize-trap=undefined ;;
esac
"$@" -nostdlib -Wl,--no-entry,-z,stack-size=131072 -o "$wasm" plugin.c
