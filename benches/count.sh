#!/usr/bin/env bash
# Counts the instructions of our hot paths, which no other load on the machine changes, and compares
# them with counts.txt: more than 3 % above is a failure. `count.sh --write` writes the file anew.
# Needs valgrind. The figures hold for one compiler and one kind of processor.
set -euo pipefail
cd "$(dirname "$0")"

for tool in valgrind cargo; do
    command -v "$tool" >/dev/null || { echo "count.sh: $tool is not here" >&2; exit 2; }
done

cargo build --quiet --release --package hot --bin count --features portable-dispatch
program=${CARGO_TARGET_DIR:-target}/release/count

# Instructions of the whole process.
whole() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : //p'
}

# Instructions of one more: what the process does around it is the same in both.
one() {
    local few many
    few=$(whole "$1" 1)
    many=$(whole "$1" $((1 + $2)))
    echo $(((many - few) / $2))
}

counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
while read -r work times; do
    echo "$work $(one "$work" "$times")"
done >"$counts" <<'WORK'
observe-tiny 200
observe-go 1
json-100 200
json-10k 50
json-1m 2
calls-10000 2
load-go 2
WORK

if [ "${1:-}" = --write ]; then
    { echo "# Instructions for one of each, portable dispatch; written by count.sh --write with"
      echo "# $(rustc --version | cut -d' ' -f1,2) on $(uname -m)."
      cat "$counts"; } >counts.txt
    cat counts.txt
    exit
fi

failed=0
while read -r work now; do
    before=$(sed -n "s/^$work //p" counts.txt)
    [ -n "$before" ] || { echo "$work: not in counts.txt" >&2; failed=1; continue; }
    change=$(((now - before) * 1000 / before))
    printf '%-14s %12d %12d  %+d.%d %%\n' "$work" "$before" "$now" $((change / 10)) $((${change#-} % 10))
    [ "$change" -le 30 ] || failed=1
done <"$counts"
[ "$failed" = 0 ] || { echo "more than 3 % above counts.txt" >&2; exit 1; }
