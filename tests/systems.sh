#!/usr/bin/env bash
# Runs the promises below on other processors and systems, and compares the fuel, the evidence, the final memory and the
# profiles of all recorded runs with this machine's. Type-checks the library where nothing here can run it.
#
#     tests/systems.sh                             all targets
#     tests/systems.sh aarch64-unknown-linux-gnu   those named
#     tests/systems.sh --check                     type-checks those named, or all
#     tests/systems.sh --packages                  prints what the targets need, by Debian's names
#
# Needs, beside Rust for this machine, for each target (Debian's names; PACKAGES below):
#   - a linker, and a C compiler for dev-dependencies;
#   - what runs it: qemu-user-static for another processor, wine64 for Windows;
#   - std for it: from `rustup target add TARGET`, or built here from its sources by nightly Rust (`rustup component
#     add --toolchain nightly rust-src`) or by a system Rust (rustc-web, cargo-web, rust-web-src).
# A target that lacks one of them is left out, and the script says so; where CI is set that is a failure. The first time it
# builds everything for each target (std, too), which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

# target, packages, what runs it
RUN="
aarch64-unknown-linux-gnu      gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,qemu-user-static     qemu-aarch64-static
armv7-unknown-linux-gnueabihf  gcc-arm-linux-gnueabihf,libc6-dev-armhf-cross,qemu-user-static   qemu-arm-static
riscv64gc-unknown-linux-gnu    gcc-riscv64-linux-gnu,libc6-dev-riscv64-cross,qemu-user-static   qemu-riscv64-static
s390x-unknown-linux-gnu        gcc-s390x-linux-gnu,libc6-dev-s390x-cross,qemu-user-static       qemu-s390x-static
i686-unknown-linux-gnu         gcc-i686-linux-gnu,libc6-dev-i386-cross                          -
x86_64-unknown-linux-musl      musl-tools                                                       -
x86_64-pc-windows-gnu          gcc-mingw-w64-x86-64,wine64                                      wine64
"

# target, features in addition to the default ones. Not `net`, nor `cli` with it: `ring` has C for each target.
EVERYTHING=debug-info,exec,regex,schema,simd,tracing
CHECK="
aarch64-apple-darwin           $EVERYTHING
aarch64-apple-ios              $EVERYTHING
aarch64-linux-android          $EVERYTHING
x86_64-unknown-freebsd         $EVERYTHING
x86_64-pc-windows-msvc         $EVERYTHING
x86_64-pc-windows-gnu          $EVERYTHING
wasm32-unknown-unknown         debug-info,regex,schema
wasm32-wasip1                  debug-info,regex,schema
"

# What is run everywhere, modules of tests/promises/. Beside these: unit tests of the library, see below.
PROMISES=(
    # Recorded runs of plugins in Rust, Go, C and AssemblyScript: the same effects, evidence, fuel and memory.
    transcripts_replay_on_every_build
    profiles_add_up::every_transcript
    a_recording_replays_the_same
    # Plugins at work on real files.
    go_plugins_use_files other_languages_use_the_same_files both_abi_generations behaves_as_the_cases_say
    # Grants, and what paths lead to.
    files_are_read_only_where_granted files_are_written_whole_or_not_at_all path_tricks_lead_nowhere
    links_of_plugins_stay_inside paths_mean_what_linux_says directories_above_grants_are_seen
    windows_paths_are_denied_by_default variables_are_told_only_where_granted
    capability_addresses capability_decisions capability_texts capability_v2 grants_come_from_the_operator
    wasi_conformance wasi_files_conform closed_descriptors_stay_closed
    # Simulated worlds.
    a_simulated_world_is_the_same_every_time simulated_files_behave_like_real_ones simulated_recordings_are_one_text
    # Limits: fuel, memory, stack, time.
    limits_end_what_does_not_end limits_are_set_by_name executed_operators_are_counted_exactly growing_is_the_hosts
    numbers_at_their_limits_are_answered bad_results_have_their_own_error open_files_are_limited
    calls_leave_no_trace forks_equal_cold_starts resets_are_exact baked_plugins_are_plugins
    # The engine.
    engine_facts instrumented_runs_are_the_same_runs contract_is_checked_at_load
)
UNITS=(replay::tests module::self_check::tests capability:: abi::)
features=schema,regex,debug-info

# What a target cannot run, and why.
skipped_on() {
    case "$1" in
    *-windows-*)
        # What these do not compile there (`cfg`), they say in their first lines.
        echo "go_plugins_use_files other_languages_use_the_same_files wasi_files_conform
            numbers_at_their_limits_are_answered closed_descriptors_stay_closed"
        ;;
    esac
}
why_skipped="some of their tests fail there and are not yet understood, beside those that use paths of Unix"

die() {
    printf '%s\n' "$*" >&2
    exit 2
}

left_out=()
skip() {
    echo "$1: left out: $2"
    left_out+=("$1")
}

has_sources() {
    local sysroot
    sysroot=$("$@" --print sysroot 2>/dev/null) || return 1
    [ -f "$sysroot/lib/rustlib/src/rust/library/std/Cargo.toml" ]
}

# Sets how to build for a target.
toolchain_of() {
    environment=()
    build_std=()
    if rustup target list --installed 2>/dev/null | grep -qx "$1"; then
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
        return 1
    fi
}

# Sets how to link and run for a target, from where Debian's packages put things.
linker_of() {
    local target=$1 runner=$2 variable triple libraries loader
    variable=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$target")
    case "$target" in
    *-windows-gnu) linker=x86_64-w64-mingw32-gcc ;;
    *-musl) linker=musl-gcc ;;
    armv7-*) linker=arm-linux-gnueabihf-gcc ;;
    *) linker=${target%%-*} && linker=${linker/riscv64gc/riscv64}-linux-gnu-gcc ;;
    esac
    command -v "$linker" >/dev/null || return 1
    environment+=("${variable}_LINKER=$linker")
    if [[ $target == *-linux-gnu* ]]; then
        # The libraries of the cross compiler: an emulator that is given another root would show it to plugins as `/`.
        triple=${linker%-gcc}
        libraries=/usr/$triple/lib
        loader=$(find "$libraries" -maxdepth 1 -name 'ld-linux*.so.*' -o -maxdepth 1 -name 'ld64.so.1' | head -n 1)
        environment+=("${variable}_RUSTFLAGS=-Clink-arg=-Wl,--dynamic-linker=$loader,-rpath,$libraries")
    fi
    case "$runner" in
    -) ;;
    wine64)
        runner=$(command -v wine64 || find /usr/lib/wine/wine64 2>/dev/null) || return 1
        random_of_windows "$linker" || return 1
        environment+=("${variable}_RUNNER=$runner" WINEDEBUG=-all "WINEPREFIX=$kept/wine" "WINEPATH=Z:$kept" DISPLAY=)
        ;;
    *)
        command -v "$runner" >/dev/null || return 1
        environment+=("${variable}_RUNNER=$runner")
        ;;
    esac
}

# The source of random numbers of new versions of Windows, which std uses and old versions of Wine lack.
random_of_windows() {
    "$1" -shared -o "$kept/bcryptprimitives.dll" -x c - -ladvapi32 <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID to, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T length) { return SystemFunction036(to, (ULONG)length); }
C
}

kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
failed=()

export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0

figures() {
    grep -oE 'run: [a-z-]+ [0-9]+ [0-9]+ [0-9a-f]{64}' "$1" | cut -c 6-
    grep -oE 'inside: [a-z-]+ [0-9a-f]{64}' "$1" | sort
}
told() { grep -oE 'build: .*' "$1" | tr -d '\r' | cut -c 8-; }

# Runs the promises, and prints the number of tests in each.
run() {
    local name=$1 promises=() promise skipped
    shift
    skipped=" $(skipped_on "$name" | tr -s ' \n' '  ') "
    for promise in "${PROMISES[@]}"; do
        [[ $skipped == *" ${promise} "* ]] || promises+=("$promise")
    done
    env "${environment[@]}" "${cargo[@]}" test --locked "$@" "${build_std[@]}" --features "$features" --test promises \
        -- --nocapture "${promises[@]}" >"$kept/log" 2>&1 &&
        env "${environment[@]}" "${cargo[@]}" test --locked "$@" "${build_std[@]}" --features "$features" --lib \
            -- "${UNITS[@]}" >"$kept/units" 2>&1
}

here() {
    [ ! -e "$kept/here" ] || return 0
    local environment=() cargo=(cargo) build_std=()
    if ! run here; then
        cat "$kept/log" "$kept/units" 2>/dev/null
        echo "FAILED on this machine"
        exit 1
    fi
    figures "$kept/log" >"$kept/here"
    [ -s "$kept/here" ] || die "this machine printed no figures"
    echo "this machine: $(told "$kept/log"); $(passed)"
}

passed() {
    awk '/^test result: ok/ { gsub(/;/, ""); n += $4 } END { print n " tests passed" }' "$kept/log" "$kept/units"
}

run_on() {
    local target=$1 packages=$2 runner=$3
    toolchain_of "$target" || { skip "$target" "there is neither std for it nor the sources to build it from"; return; }
    linker_of "$target" "$runner" || { skip "$target" "it needs ${packages//,/, }"; return; }
    here
    if ! run "$target" --target "$target"; then
        cat "$kept/log" "$kept/units" 2>/dev/null
        echo "$target: FAILED"
        failed+=("$target")
        return
    fi
    tr -d '\r' <"$kept/log" >"$kept/text"
    figures "$kept/text" >"$kept/there"
    if diff "$kept/here" "$kept/there"; then
        echo "$target: $(told "$kept/log"); $(passed), $(wc -l <"$kept/there") figures as on this machine"
        if [ -n "$(skipped_on "$target")" ]; then
            echo "    not run there: $(skipped_on "$target" | xargs): $why_skipped"
        fi
    else
        echo "$target: FAILED, other figures"
        failed+=("$target")
    fi
}

check_on() {
    local target=$1 extra=$2 features
    toolchain_of "$target" || { skip "$target" "there is neither std for it nor the sources to build it from"; return; }
    for features in "" "$extra"; do
        if ! env "${environment[@]}" "${cargo[@]}" check --quiet --locked --lib --target "$target" "${build_std[@]}" \
            --features "$features" >"$kept/log" 2>&1; then
            cat "$kept/log"
            echo "$target: FAILED to compile with the default features and '$features'"
            failed+=("$target")
            return
        fi
    done
    echo "$target: type-checked with the default features, and with $extra"
}

if [ "${1:-}" = --packages ]; then
    awk 'NF { print $2 }' <<<"$RUN" | tr ',' '\n' | sort -u
    exit
fi
what=both
if [ "${1:-}" = --check ]; then
    what=check
    shift
fi
row() { awk -v target="$2" '$1 == target' <<<"$1"; }
known=$(awk 'NF { print $1 }' <<<"$RUN$CHECK" | sort -u)
for target in "$@"; do
    grep -qx -- "$target" <<<"$known" || die "unknown target $target; there are:" $known
done
targets=$(awk 'NF { print $1 }' <<<"$RUN$CHECK" | awk '!seen[$0]++')
[ $# -eq 0 ] || targets=$*
for target in $targets; do
    row=$(row "$RUN" "$target")
    # shellcheck disable=SC2086
    if [ -n "$row" ] && [ "$what" = both ]; then run_on $row; fi
    row=$(row "$CHECK" "$target")
    # shellcheck disable=SC2086
    if [ -n "$row" ]; then check_on $row; fi
done

if [ "${#failed[@]}" -gt 0 ]; then
    echo "FAILED: ${failed[*]}"
    exit 1
fi
if [ "${#left_out[@]}" -gt 0 ] && [ -n "${CI:-}" ]; then
    echo "FAILED: where CI is set nothing is left out: ${left_out[*]}"
    exit 1
fi
