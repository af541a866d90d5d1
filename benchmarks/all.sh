#!/usr/bin/env bash
# Measures the program as published, each line with its peer in the same run where it has one, and prints one table: medians of RUNS.
# Processor time is user + system of the whole process. A peer that is not installed leaves its line without a ratio.
# usage: benchmarks/all.sh TRACE.DAT [RUNS [CAPTURES [PERF.DATA]]]
#   TRACE.DAT  a large capture (millions of events); CAPTURES  size of the made night for report and queries (default 200)
#   PERF.DATA  a small one (.zst too), which is repeated up to 512 MiB
#   TRACEREPLAY_PROGRAM in the environment: a program that was published already
set -euo pipefail
capture=$(realpath "${1:?usage: $0 TRACE.DAT [RUNS [CAPTURES]]}")
runs=${2:-5}
captures=${3:-200}
perf=${4:+$(realpath "$4")}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
case $(uname -m) in aarch64 | arm64) platform=linux-arm64 ;; *) platform=linux-x64 ;; esac
[ -n "${TRACEREPLAY_PROGRAM:-}" ] || dotnet publish src/Cli -c Release -r "$platform" --self-contained true -o "$work/bin" -v quiet -nologo >&2
dotnet build tests/FleetMaker -c Release -v quiet -nologo >&2
program=${TRACEREPLAY_PROGRAM:-$work/bin/tracereplay}
small=sample-traces/6.12-ttmsmall.trace.dat

# measure NAME COMMAND…: appends "wall cpu peak" of one run to a file of that name.
measure() {
    local name=$1
    shift
    local TIMEFORMAT='%R %U %S' peak=()
    [ ! -x /usr/bin/time ] || peak=(/usr/bin/time -f %M -o "$work/peak")
    { time "${peak[@]}" "$@" >/dev/null 2>&1 || true; } 2>"$work/time"
    [ ! -x /usr/bin/time ] || tail -n 1 "$work/peak" >>"$work/$name.peak"
    awk '{ print $1, $2 + $3 }' "$work/time" >>"$work/$name"
}
median() { awk -v c="$2" '{ print $c }' "$work/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
line() { # NAME TEXT [PEER-NAME PEER-TEXT]
    local ratio="" peak=""
    [ -z "${3:-}" ] || [ ! -s "$work/$3" ] || ratio=$(awk -v t="$(median "$3" 1)" -v o="$(median "$1" 1)" -v p="$4" 'BEGIN { printf "%.1f times %s", t / o, p }')
    [ ! -s "$work/$1.peak" ] || peak=$(sort -n "$work/$1.peak" | awk '{ v[NR] = $1 } END { printf "%.0f MiB", v[int((NR + 1) / 2)] / 1024 }')
    printf '| %s | %s s | %s s | %s | %s |\n' "$2" "$(median "$1" 1)" "$(median "$1" 2)" "$peak" "$ratio"
}
# A new dataset each time, under the name data. What was removed just before would slow the next down: ext4 passes over inodes so lately freed.
fresh() {
    local name=$1
    shift
    [ ! -e "$work/data" ] || mv "$work/data" "$work/old.$((old += 1))"
    measure "$name" "$@"
}
old=0

for _ in $(seq "$runs"); do
    if command -v trace-cmd >/dev/null; then measure trace-cmd trace-cmd report "$capture"; fi
    fresh ingest "$program" ingest -q -d "$work/data" "$capture"
done
size=$(find "$work/data/events" -name '*.parquet' -exec cat {} + | wc -c)
events=$("$program" query -q -d "$work/data" --format csv --sql 'SELECT sum(events) FROM traces' | tail -n 1)
for _ in $(seq "$runs"); do
    measure replay-one "$program" replay -q -d "$work/data" --model current
    measure replay-three "$program" replay -q -d "$work/data"
    measure run-small "$program" run -q "$small"
    measure info-small "$program" info "$small"
    measure version "$program" --version
done

# The same capture as text, and a large perf.data.
if command -v trace-cmd >/dev/null; then
    trace-cmd report "$capture" 2>/dev/null >"$work/report.txt"
    text=$(stat -c %s "$work/report.txt")
    for _ in $(seq "$runs"); do fresh text "$program" ingest -q -d "$work/data" "$work/report.txt"; done
    rm "$work/report.txt"
fi
if [ -n "$perf" ] && command -v perf >/dev/null; then
    case $perf in *.zst) zstd -dqf "$perf" -o "$work/small"; perf=$work/small ;; esac
    dotnet build benchmarks/GrowPerfData -c Release -v quiet -nologo >&2
    dotnet benchmarks/GrowPerfData/bin/Release/net10.0/TraceReplay.GrowPerfData.dll "$perf" 536870912 "$work/big" >&2
    for _ in $(seq "$runs"); do
        measure perf-script perf script -i "$work/big"
        fresh perf "$program" ingest -q -d "$work/data" "$work/big"
    done
    rm "$work/big"
fi

# A night: made captures, ingested, replayed, compacted.
dotnet tests/FleetMaker/bin/Release/net10.0/FleetMaker.dll --samples sample-traces --out "$work/inbox" --captures "$captures" --hosts 40 >&2
"$program" nightly --inbox "$work/inbox" -d "$work/night" --out "$work/out" --settle 0 >/dev/null 2>&1 || true
"$program" compact -q -d "$work/night" >/dev/null
measure report "$program" report -q -d "$work/night" -o "$work/report.html"
slowest=0
for query in $("$program" query --list | awk -F, 'NR > 1 { print $1 }'); do
    measure "query-${query//\//-}" "$program" query -q -d "$work/night" "$query"
    t=$(median "query-${query//\//-}" 1)
    if awk -v a="$t" -v b="$slowest" 'BEGIN { exit !(a > b) }'; then slowest=$t; which=$query; fi
done

echo "| $(basename "$capture"): $events events, event tables of $size bytes | wall | processor | peak | against its peer |"
echo "|---|---|---|---|---|"
line ingest "ingest, everything" trace-cmd 'faster than trace-cmd report'
line replay-one "replay, one model, results written: $(awk -v e="$events" -v t="$(median replay-one 2)" 'BEGIN { printf "%.1f M events/s of processor time", e / t / 1e6 }')"
line replay-three "replay, three models: $(awk -v e="$events" -v t="$(median replay-three 2)" 'BEGIN { printf "%.1f M events/s", e / t / 1e6 }')"
[ ! -s "$work/text" ] || line text "ingest of its text ($((text >> 20)) MiB): $(awk -v b="$text" -v t="$(median text 2)" 'BEGIN { printf "%.0f MB/s of processor time", b / t / 1e6 }')"
[ ! -s "$work/perf" ] || line perf "ingest of a perf.data of 512 MiB" perf-script 'faster than perf script'
line run-small "run of $(basename $small)"
line info-small "info of $(basename $small)"
line version "--version"
line report "report of a night of $captures compacted captures"
line "query-${which//\//-}" "slowest named query over them: $which"
