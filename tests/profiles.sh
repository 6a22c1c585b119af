#!/usr/bin/env bash
# Runs the tests in builds that compilers are known to differ in, since the engine lives by what
# the optimiser makes of it:
#
#     tests/profiles.sh            every profile, every test
#     tests/profiles.sh address    the profiles named
#     TESTS=cheap tests/profiles.sh    every profile, the tests below that need no long run
#
# `address` needs nightly Rust, and is left out where there is none. Each profile is built from
# scratch in a folder of its own below the target folder, which is removed again: some hundred
# megabytes and minutes each.
set -uo pipefail
cd "$(dirname "$0")/.."

all=(opt-0 opt-1 opt-2 opt-3 opt-s opt-z assertions overflow address coverage fast)
cheap=(engine_facts:: limits_end_what_does_not_end::
    bad_results_have_their_own_error:: contract_is_checked_at_load::
    answers_are_decoded_and_capped:: calls_share_nothing_but_the_module::
    capability_properties:: wasi_conformance::)
profiles=("$@")
[ "${#profiles[@]}" -gt 0 ] || profiles=("${all[@]}")
tests() {
    if [ "${TESTS:-all}" = cheap ]; then
        "$@" --lib && "$@" --test promises -- "${cheap[@]}"
    else
        "$@"
    fi
}

host=$(rustc -vV | sed -n 's/^host: //p')
folder="${CARGO_TARGET_DIR:-target}/profiles"
failed=0
for profile in "${profiles[@]}"; do
    cargo=(cargo)
    # The release profile, since the others optimise the engine whatever they say of the rest.
    settings=(CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_INCREMENTAL=0)
    # Sound in every profile.
    arguments=(--features portable-dispatch)
    case "$profile" in
    opt-*) settings+=("CARGO_PROFILE_RELEASE_OPT_LEVEL=${profile#opt-}") ;;
    assertions) settings+=(CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true) ;;
    overflow) settings+=(CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true) ;;
    address)
        if ! cargo +nightly --version >/dev/null 2>&1; then
            echo "$profile: left out, there is no nightly Rust"
            continue
        fi
        cargo=(cargo +nightly)
        # With a target named, build scripts and macros are built without the sanitizer.
        settings+=("RUSTFLAGS=-Zsanitizer=address" CARGO_PROFILE_RELEASE_OPT_LEVEL=1)
        arguments+=(--target "$host")
        # The tests leak some texts of their own on purpose.
        settings+=(ASAN_OPTIONS=detect_leaks=0)
        ;;
    coverage)
        settings+=("RUSTFLAGS=-Cinstrument-coverage" LLVM_PROFILE_FILE=/dev/null)
        settings+=(CARGO_PROFILE_RELEASE_OPT_LEVEL=1)
        ;;
    # Tail calls instead of the portable loop, where they are sound.
    fast) arguments=() ;;
    *)
        echo "unknown profile $profile; there are: ${all[*]}"
        exit 2
        ;;
    esac
    log=$(mktemp)
    begun=$SECONDS
    tests env "${settings[@]}" CARGO_TARGET_DIR="$folder/$profile" "${cargo[@]}" test --release --locked \
        --no-fail-fast "${arguments[@]}" >"$log" 2>&1
    code=$?
    passed=$(grep -E '^test result:' "$log" | grep -oE '[0-9]+ passed' | awk '{ sum += $1 } END { print sum + 0 }')
    if [ "$code" -eq 0 ]; then
        echo "$profile: $passed tests passed in $((SECONDS - begun)) s, the build included"
        rm "$log"
    else
        echo "$profile: FAILED ($passed tests passed), see $log"
        failed=1
    fi
    rm -rf "${folder:?}/$profile"
done
exit "$failed"
