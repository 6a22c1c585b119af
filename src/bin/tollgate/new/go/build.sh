command -v "${GO:=go}" >/dev/null \
    || stop "go was not found: install Go 1.24 or newer (https://go.dev/dl), and put it on the path or name it by GO"
# Go writes no lines for WebAssembly: debug keeps the names of functions, and does not inline those of the plugin.
case $profile in
release) set -- -ldflags="-s -w" ;;
debug) set -- -gcflags=-l ;;
esac
GOOS=wasip1 GOARCH=wasm "$GO" build -buildmode=c-shared -trimpath "$@" -o "$wasm" .
