#!/usr/bin/env bash
# Replays the transcripts in tests/transcripts/ in builds that differ in all that must make no
# difference: debug and release, the portable and the fast dispatch, modules translated lazily and
# eagerly. Prints the fuel and the final memory of every run, and which builds had the same, also profiles and
# coverage, and campaigns of the fuzzer: the same findings, corpus and output.
#
#     tests/builds.sh              all four builds
#     tests/builds.sh release-fast those named: debug-portable debug-fast release-portable release-fast
#
# Needs Rust and nothing else. It is not part of the default tests, which are one build.
set -uo pipefail
cd "$(dirname "$0")/.."

builds=("$@")
[ "${#builds[@]}" -gt 0 ] || builds=(debug-portable debug-fast release-portable release-fast)
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
failed=0
for build in "${builds[@]}"; do
    case "$build" in
    # With the command line, which has the fuzzer.
    debug-portable) arguments=(--features cli,portable-dispatch) ;;
    debug-fast) arguments=(--features cli) ;;
    release-portable) arguments=(--release --features cli,portable-dispatch) ;;
    release-fast) arguments=(--release --features cli) ;;
    *)
        echo "unknown build $build; there are: debug-portable debug-fast release-portable release-fast"
        exit 2
        ;;
    esac
    # The second is the one in which modules are translated in other ways.
    if ! cargo test --locked "${arguments[@]}" --test promises -- --nocapture \
        transcripts_replay_on_every_build:: profiles_add_up::every_transcript \
        fuzzing_is_deterministic::the_same_seed \
        >"$kept/log" 2>&1 ||
        ! cargo test --locked "${arguments[@]}" --lib replay::tests >>"$kept/log" 2>&1; then
        cat "$kept/log"
        echo "$build: FAILED"
        failed=1
        continue
    fi
    grep -oE 'run: [a-z-]+ [0-9]+ [0-9]+ [0-9a-f]{64}' "$kept/log" | cut -c 6- >"$kept/$build"
    # What is seen inside of the runs: digests of their profiles and coverage.
    grep -oE 'inside: [a-z-]+ [0-9a-f]{64}' "$kept/log" | sort >"$kept/$build.inside"
    # What the fuzzer found: digests of all that it wrote.
    grep -oE 'fuzzed: [a-z0-9-]+ [0-9a-f]{64}' "$kept/log" | sort >"$kept/$build.fuzzed"
    if [ ! -e "$kept/first" ]; then
        cp "$kept/$build" "$kept/first"
        cp "$kept/$build.inside" "$kept/first.inside"
        cp "$kept/$build.fuzzed" "$kept/first.fuzzed"
        first=$build
        printf '%-20s %12s %12s  %s\n' run "fuel, init" "fuel, call" "final memory (SHA-256)"
        while read -r run init call memory; do
            printf '%-20s %12s %12s  %s\n' "$run" "$init" "$call" "$memory"
        done <"$kept/first"
        echo
    fi
    told=$(grep -oE 'build: .*' "$kept/log" | cut -c 8-)
    if [ ! -s "$kept/$build" ]; then
        echo "$build ($told): FAILED, it printed no run"
        failed=1
    elif diff "$kept/first" "$kept/$build" >"$kept/difference" && [ -s "$kept/$build.inside" ] &&
        diff "$kept/first.inside" "$kept/$build.inside" >"$kept/difference" && [ -s "$kept/$build.fuzzed" ] &&
        diff "$kept/first.fuzzed" "$kept/$build.fuzzed" >"$kept/difference"; then
        echo "$build ($told): the same in $(wc -l <"$kept/$build") runs, translated lazily and eagerly," \
            "inside of $(wc -l <"$kept/$build.inside"), and in $(wc -l <"$kept/$build.fuzzed") campaigns of the fuzzer"
    else
        echo "$build ($told): FAILED, other figures than $first:"
        cat "$kept/difference"
        failed=1
    fi
done
exit "$failed"
