command -v "${CARGO:=cargo}" >/dev/null || stop "cargo was not found: install Rust (https://rustup.rs)"
case $profile in
release) set -- --release ;;
debug) set -- ;;
esac
# .cargo/config.toml sets a small stack.
"$CARGO" build --target wasm32-unknown-unknown "$@" || stop "the build failed." \
    "If the target is missing, as \"can't find crate for \`core\`\" says: rustup target add wasm32-unknown-unknown"
cp "${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/$profile/{{crate}}.wasm" "$wasm"
