#!/bin/sh
# What many memslot calls cost a replay: the same events with and without them. Run: benchmarks/memslots.sh [CALLS [SEED]]
set -eu
calls=${1:-30000}
seed=${2:-16}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build -c Release "$here/../src/Cli" >&2
cli() { dotnet run -c Release --no-build --project "$here/../src/Cli" -- "$@"; }

# Seconds of the quickest of three replays.
seconds() {
    dotnet run -c Release --project "$here/../tests/MemslotMaker" -- "$calls" "$seed" $2 >"$work/$1.txt"
    cli ingest -q "$work/$1.txt" -d "$work/$1" --kernel 7.2.12 >/dev/null
    best=
    for _ in 1 2 3; do
        from=$(date +%s%N)
        cli replay -q -d "$work/$1" --kernel 7.2.12 >/dev/null
        took=$(($(date +%s%N) - from))
        [ -n "$best" ] && [ "$best" -le "$took" ] || best=$took
    done
    echo "$best"
}

with=$(seconds with "")
without=$(seconds without without-calls)
awk -v w="$with" -v o="$without" -v c="$calls" -v e="$(grep -c ': ' "$work/with.txt")" 'BEGIN {
    printf "%d memslot calls among %d events: %.2f s, without the calls %.2f s, ratio %.2f\n", c, e, w / 1e9, o / 1e9, w / o }'
