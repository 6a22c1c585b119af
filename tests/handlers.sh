#!/usr/bin/env bash
# Reads the machine code of a build with fast dispatch: is each of the engine's handlers there, and
# does it leave by a jump? One that calls the next handler instead leaves a frame on the native stack each
# time that it runs, and a loop of it aborts the process.
#
# A handler must jump through a register or through memory, and make no call through one: the next handler
# is known only there. Calls by name, and of other libraries (through the table of offsets, which is
# relative to %rip), return to the handler. What differs is listed below with its reason.
#
# Builds the command line, with these arguments for cargo, such as --release. In the profile dev of this
# workspace the engine is optimised too. Needs objdump and nm, on x86-64.
set -euo pipefail
cd "$(dirname "$0")/.."

# Name, what it does differently, why that is right.
exceptions=$(grep -v '^#' <<'LIST'
# These two call the next handler: the engine must not reach them.
memory_grow no-jump,call the host grows memories, and this runs in no module that was rewritten
table_grow call the host grows tables, and this runs in no module that was rewritten
# It jumps to what chooses how a call ends, and not to a handler.
trap no-jump it ends the call
# They call one of two functions that copy values, and then jump.
branch_table_span_r call it copies values by one of two functions, which return to it
branch_table_span_s call it copies values by one of two functions, which return to it
LIST
)

# What cargo says it built: the program, and where the build of wasmi_ir wrote the list of operators.
built=$(cargo build --quiet --locked --features cli --bin tollgate --message-format=json "$@")
binary=$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' <<<"$built" | tail -n 1)
op_codes=$(sed -n '/"build-script-executed"/s/.*[/#@]wasmi_ir[@#-].*"out_dir":"\([^"]*\)".*/\1/p' <<<"$built" | tail -n 1)/op_code.rs

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# All operators of the engine, and all handlers, in one spelling.
spelled() { tr -d '_' | tr '[:upper:]' '[:lower:]' | LC_ALL=C sort -u; }
sed -n '/enum OpCode/,/^}/p' "$op_codes" | sed -n 's/^ *\([A-Za-z0-9_]*\),$/\1/p' | spelled >"$work/operators"
nm -C "$binary" |
    sed -En 's/^([0-9a-f]+) [tT] wasmi::engine::executor::handler::exec::(simd::)?([a-z0-9_]+)(::h[0-9a-f]{16})?$/\1 \3/p' |
    LC_ALL=C sort >"$work/handlers"
cut -d' ' -f2 "$work/handlers" | spelled >"$work/found"
[ -s "$work/operators" ] || { echo "$op_codes names no operators" >&2; exit 1; }
missing=$(LC_ALL=C comm -23 "$work/operators" "$work/found")
if [ -n "$missing" ]; then
    echo "of $(wc -l <"$work/operators") handlers these are not in $binary:" >&2
    echo "$missing" >&2
    exit 1
fi

# What each place does: `jump` where it jumps through a pointer, `call` where it calls through one.
objdump -d --no-show-raw-insn "$binary" | awk '
    /^[0-9a-f]+ <.*>:$/ { place = $1; next }
    $2 == "jmp" && $3 ~ /^\*/ && $3 !~ /\(%rip\)/ { print place, "jump" }
    $2 == "notrack" && $3 == "jmp" && $4 ~ /^\*/ { print place, "jump" }
    $2 == "call" && $3 ~ /^\*/ && $3 !~ /\(%rip\)/ { print place, "call" }
' | LC_ALL=C sort -u >"$work/leaves"

# Only what stands for an operator; beside the handlers there are functions that they call.
wrong=$(awk '
    FILENAME == ARGV[1] { is_operator[$1] = 1; next }
    FILENAME == ARGV[2] { leaves[$1, $2] = 1; next }
    FILENAME == ARGV[3] { allowed[$1] = $2; next }
    {
        spelled = $2; gsub("_", "", spelled)
        if (!(spelled in is_operator)) next
        differs = ($1, "jump") in leaves ? "" : "no-jump"
        if (($1, "call") in leaves) differs = differs (differs == "" ? "" : ",") "call"
        if (differs != "" && differs != allowed[$2]) print $2 ": " differs
    }
' "$work/operators" "$work/leaves" <(echo "$exceptions") "$work/handlers")
if [ -n "$wrong" ]; then
    echo "these handlers do not leave by a jump, or are not on the list:" >&2
    echo "$wrong" >&2
    exit 1
fi
echo "$(wc -l <"$work/operators") handlers leave by a jump, or are on the list"
