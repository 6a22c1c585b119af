#!/usr/bin/env bash
# Replays the transcripts in tests/transcripts/ on a machine that has the most significant byte
# first, s390x under user-mode emulation, and compares fuel and final memory with this machine's.
#
# Needs, beside Rust for this machine (Debian's names):
#   - gcc-s390x-linux-gnu and libc6-dev-s390x-cross: a linker, and a C compiler for dev-dependencies
#   - qemu-user-static: runs what comes out
#   - std for s390x-unknown-linux-gnu: from `rustup target add s390x-unknown-linux-gnu`, or built
#     here from its sources by nightly Rust (`rustup component add --toolchain nightly rust-src`)
#     or by a system Rust (rustc-web, cargo-web, rust-web-src)
# Where one of them is missing it says so and ends with 0, since nothing was found wrong. Not part
# of the default tests; the first time it builds everything (std, too), which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

target=s390x-unknown-linux-gnu
module=transcripts_replay_on_every_build::

skip() {
    echo "left out: $*; the head of $0 says what it needs"
    exit 0
}

command -v s390x-linux-gnu-gcc >/dev/null || skip "there is no s390x-linux-gnu-gcc"
emulator=$(command -v qemu-s390x-static || command -v qemu-s390x) || skip "there is no qemu-s390x-static"
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER=s390x-linux-gnu-gcc
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER="$emulator -L /usr/s390x-linux-gnu"

has_sources() {
    local sysroot
    sysroot=$("$@" --print sysroot 2>/dev/null) || return 1
    [ -f "$sysroot/lib/rustlib/src/rust/library/std/Cargo.toml" ]
}
environment=()
build_std=()
if rustup target list --installed 2>/dev/null | grep -qx "$target"; then
    cargo=(cargo)
elif has_sources rustc +nightly; then
    cargo=(cargo +nightly)
    build_std=(-Zbuild-std)
elif [ -x /usr/bin/cargo ] && has_sources /usr/bin/rustc; then
    cargo=(/usr/bin/cargo)
    build_std=(-Zbuild-std)
    # A stable compiler takes -Z only when told to.
    environment=(RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1)
else
    skip "there is neither std for $target nor the sources to build it from"
fi

kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
figures() { grep -oE 'run: [a-z-]+ [0-9]+ [0-9]+ [0-9a-f]{64}' "$1" | cut -c 6-; }
told() { grep -oE 'build: .*' "$1" | cut -c 8-; }

# Without the network and commands, which need the OS; what was recorded of them replays all the same.
here() { cargo test --locked "$@"; }
there() { env "${environment[@]}" "${cargo[@]}" test --locked --target "$target" "${build_std[@]}" "$@"; }
for machine in here there; do
    if ! "$machine" --test promises -- "$module" --nocapture >"$kept/$machine.log" 2>&1; then
        cat "$kept/$machine.log"
        echo "FAILED"
        exit 1
    fi
    figures "$kept/$machine.log" >"$kept/$machine"
done
# Translated in other ways, too.
there --lib replay::tests || { echo "FAILED"; exit 1; }

told "$kept/there.log" | grep -q 'big-endian' || { echo "FAILED: that was no other byte order"; exit 1; }
printf '%-20s %12s %12s  %s\n' run "fuel, init" "fuel, call" "final memory (SHA-256)"
while read -r run init call memory; do
    printf '%-20s %12s %12s  %s\n' "$run" "$init" "$call" "$memory"
done <"$kept/there"
echo
if [ -s "$kept/here" ] && diff "$kept/here" "$kept/there"; then
    echo "the same in $(wc -l <"$kept/there") runs: $(told "$kept/here.log"), and $(told "$kept/there.log")"
else
    echo "FAILED: other figures on $(told "$kept/there.log")"
    exit 1
fi
