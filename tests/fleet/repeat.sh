#!/usr/bin/env bash
# What a night costs, and that it costs nothing twice. Usage: repeat.sh [CAPTURES [HOSTS]]
source "$(dirname "$0")/common.sh"
captures=${1:-1000} hosts=${2:-40}
make_nights --out "$work/inbox" --captures "$captures" --hosts "$hosts"

# Locks are taken by every run.
written() { find "$work/data" -type f ! -name '*lock*' -printf '%p %T@\n' | sort; }

start=$(date +%s.%N)
TIMEFORMAT='%U %S'
{ time nightly "$work/inbox" "$work/data" "$work/out"; } 2>"$work/cpu"
first=$(seconds "$start")
cpu=$(awk '{ c = $1 + $2 } END { print c }' "$work/cpu")
before=$("$here/fingerprint.sh" "$work/data" | cksum)
cp -r "$work/out" "$work/out.first"
written >"$work/files.first"

start=$(date +%s.%N)
{ time nightly "$work/inbox" "$work/data" "$work/out"; } 2>"$work/cpu"
second=$(seconds "$start")
again=$(awk '{ c = $1 + $2 } END { print c }' "$work/cpu")
written >"$work/files.second"
"${tracereplay[@]}" query -d "$work/data" --format csv --sql "SELECT count(*), sum(events) FROM traces" >"$work/rows"
IFS=, read -r rows events < <(tail -n 1 "$work/rows")
bytes=$(du -sb "$work/data" | cut -f1)
files=$(find "$work/data" -type f | wc -l)
inbox=$(du -sb "$work/inbox" | cut -f1)

awk -v n="$rows" -v e="$events" -v t="$first" -v c="$cpu" -v b="$bytes" -v i="$inbox" -v s="$second" -v f="$files" -v a="$again" 'BEGIN {
    printf "first run   %d captures, %d events: %.1f s, %.1f s of processor: %.0f captures an hour and core\n", n, e, t, c, n / c * 3600
    printf "dataset     %.1f bytes an event in %d files; the inbox has %.1f\n", b / e, f, i / e
    printf "second run  %.2f s, %.2f s of processor\n", s, a }'
fail() { echo "FAILED: $1"; exit 1; }
[ "$rows" = "$captures" ] || fail "$captures captures were made, $rows are in the dataset"
[ "$before" = "$("$here/fingerprint.sh" "$work/data" | cksum)" ] || fail "the second run changed the dataset"
diff -rq "$work/out.first" "$work/out" || fail "the second run changed the reports"
cmp "$work/files.first" "$work/files.second" || fail "the second run wrote files"
# Of the processor, because a loaded machine makes any run long.
awk -v s="$again" 'BEGIN { exit s >= 5 }' || fail "the second run took $again s of processor, expected less than 5"
echo "ok"
