#!/usr/bin/env bash
# Fuzzes three parsers with `tollgate fuzz --raw` and with native libFuzzer, at the same time, from empty corpora, and
# counts the lines that each reached by one ruler: clang's coverage of the native program.
#
#     ./parsers.sh TOLLGATE SOURCES [SECONDS]
#
# SOURCES is a folder with the unpacked sources of cJSON, expat and zlib (Debian: apt-get source cjson expat zlib).
# Needs zig, clang with libFuzzer, llvm-profdata and llvm-cov.
set -euo pipefail
cd "$(dirname "$0")/parsers"

[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' ../parsers.sh; exit 2; }
tollgate=$(realpath "$1")
sources=$(realpath "$2")
seconds=${3:-60}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first folder below SOURCES that holds a file.
holder() {
    local found
    found=$(find "$sources" -name "$1" -not -path '*/contrib/*' | sort | head -n 1)
    [ -n "$found" ] || { echo "no $1 in $sources" >&2; exit 2; }
    dirname "$found"
}
json=$(holder cJSON.c)
xml=$(holder xmlparse.c)
zlib=$(holder inflate.c)

lines() {
    LLVM_PROFILE_FILE=$work/profile "$work/$1.lines" -runs=0 "$2" 2>/dev/null
    llvm-profdata merge "$work/profile" -o "$work/merged"
    llvm-cov export -format=lcov -instr-profile="$work/merged" "$work/$1.lines" | grep -c '^DA:[0-9]*,[1-9]'
}

run() {
    local name=$1
    shift
    zig cc -target wasm32-wasi -mexec-model=reactor -O2 -g -w -Wl,-z,stack-size=65536 -Wl,--export=malloc \
        -o "$work/$name.wasm" "$@"
    clang -O2 -w -fsanitize=fuzzer -o "$work/$name.native" "$@"
    clang -O1 -g -w -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping -o "$work/$name.lines" "$@"
    mkdir "$work/$name.ours" "$work/$name.theirs"
    "$tollgate" fuzz --raw "$work/$name.wasm" --corpus "$work/$name.ours" --crashes "$work/$name.crashes" \
        --seconds "$seconds" > "$work/$name.out" 2>/dev/null &
    (cd "$work" && "./$name.native" -max_total_time="$seconds" "$name.theirs") > "$work/$name.log" 2>&1 || true
    wait $! || true
    local ours theirs runs
    ours=$(lines "$name" "$work/$name.ours")
    theirs=$(lines "$name" "$work/$name.theirs")
    runs=$(sed -n 's/^runs *//p' "$work/$name.out")
    echo "| $name | $((runs / seconds)) | $ours | $theirs | $((100 * ours / theirs)) % |"
}

echo "| parser | runs a second | lines | libFuzzer's lines | part |"
echo "|---|---:|---:|---:|---:|"
run json json.c "$json/cJSON.c" -I "$json"
# What its configure script writes.
printf '#define %s\n' 'XML_NS 1' 'XML_DTD 1' 'XML_CONTEXT_BYTES 1024' 'BYTEORDER 1234' 'XML_POOR_ENTROPY 1' > "$work/expat_config.h"
run xml xml.c "$xml"/{xmlparse,xmlrole,xmltok}.c -I "$xml" -I "$work" -DXML_STATIC -DHAVE_EXPAT_CONFIG_H
run inflate inflate.c "$zlib"/{inflate,inftrees,inffast,adler32,crc32,zutil,uncompr}.c -I "$zlib"
