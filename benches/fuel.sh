#!/usr/bin/env bash
# How fair fuel is: the tables of README.md, for both dispatches. `fuel.sh --count` counts instructions
# (valgrind) of the library and of the bare engine instead of time, for loops and for Go, which other load
# on the machine does not change. `fuel.sh --instruments` counts what instruments cost in the same way.
set -euo pipefail
cd "$(dirname "$0")"

program=${CARGO_TARGET_DIR:-target}/release/fuel

# Instructions of so many runs.
whole() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" run "$@" 2>&1 |
        sed -n 's/.*Collected : //p'
}

# Instructions of one run more.
one() {
    echo $(($(whole "$1" "$2" 2) - $(whole "$1" "$2" 1)))
}

count() {
    echo "| program ($1 dispatch) | instructions | bare engine | ratio |"
    echo "|---|---:|---:|---:|"
    for name in "Go, JSON" "interpreter, collatz" "interpreter, sieve" "interpreter, hash" \
        "regex, going back" "regex, all at once" "C, primes" "C, calls"; do
        ours=$(one "$name" tollgate)
        theirs=$(one "$name" bare)
        echo "| $name | $ours | $theirs | $(awk "BEGIN { printf \"%.3f\", $ours / $theirs }") |"
    done
}

instruments() {
    echo "| program ($1 dispatch) | plain | coverage | ratio | with comparisons | ratio |"
    echo "|---|---:|---:|---:|---:|---:|"
    for name in "Go, JSON" "interpreter, collatz" "regex, going back" "C, primes" "C, calls"; do
        plain=$(one "$name" tollgate)
        coverage=$(one "$name" coverage)
        both=$(one "$name" comparisons)
        echo "| $name | $plain | $coverage | $(awk "BEGIN { printf \"%.2f\", $coverage / $plain }") | $both | $(awk "BEGIN { printf \"%.2f\", $both / $plain }") |"
    done
}

for dispatch in fast portable; do
    cargo build --quiet --release --package fuel --no-default-features --features "$dispatch-dispatch"
    case "${1:-}" in
    --count) count "$dispatch" ;;
    --instruments) instruments "$dispatch" ;;
    *) "$program" ;;
    esac
    echo
done
