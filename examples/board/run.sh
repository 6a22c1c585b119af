#!/usr/bin/env bash
# Builds the program for the board, runs it in an emulator, and compares what it prints with expected.txt.
#
# Needs qemu-system-arm, and Rust for thumbv7em-none-eabihf: from `rustup target add thumbv7em-none-eabihf`, or built
# here from the sources of nightly Rust (`rustup component add --toolchain nightly rust-src`) or of a system Rust
# (Debian's rustc-web, cargo-web, rust-web-src).
set -euo pipefail
cd "$(dirname "$0")"
target=thumbv7em-none-eabihf

command -v qemu-system-arm >/dev/null || { echo "needs qemu-system-arm"; exit 2; }
has_sources() { [ -f "$("$@" --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/core/Cargo.toml" ]; }
if rustup target list --installed 2>/dev/null | grep -qx "$target"; then
    build=(cargo build)
elif has_sources rustc +nightly; then
    build=(cargo +nightly build -Zbuild-std=core,alloc)
elif [ -x /usr/bin/cargo ] && has_sources /usr/bin/rustc; then
    # A stable compiler takes -Z only when told to, and a system Rust has no linker for boards.
    lld=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
    build=(env RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 "CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER=$lld"
        /usr/bin/cargo build -Zbuild-std=core,alloc)
else
    echo "needs Rust for $target, or the sources of its standard library"
    exit 2
fi
"${build[@]}" --locked --release --target "$target"
program=${CARGO_TARGET_DIR:-target}/$target/release/board

out=$(timeout 300 qemu-system-arm -M mps2-an386 -nographic -semihosting-config enable=on,target=native -kernel "$program")
echo "$out"
diff expected.txt <(grep -v '^heap: ' <<<"$out") || { echo "FAILED: not what expected.txt has"; exit 1; }
size -A "$program" | awk '$1 == ".text" || $1 == ".rodata" || $1 == ".data" { n += $2 } END { print "program: " int(n / 1024) " KiB" }'
