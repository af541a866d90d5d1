#!/bin/sh
# Ingest of all events of a large perf.data into Parquet against `perf script > /dev/null`, the same file, interleaved in one run.
# usage: benchmarks/ingest-vs-perf-script.sh PERF.DATA [RUNS] [BYTES]
# The capture (little-endian file mode, not compressed by perf) is repeated until it has BYTES (default 512 MiB). Needs perf.
# The program is compiled ahead for the runtime (ReadyToRun); all.sh measures native code.
set -eu
capture=${1:?usage: $0 PERF.DATA [RUNS] [BYTES]}
runs=${2:-5}
bytes=${3:-536870912}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $(uname -m) in x86_64) rid=linux-x64 ;; aarch64) rid=linux-arm64 ;; *) echo "no runtime for $(uname -m)" >&2; exit 1 ;; esac
case $capture in *.zst) zstd -dqf "$capture" -o "$work/small"; capture=$work/small ;; esac
dotnet build "$here/GrowPerfData" -c Release -v quiet -nologo >&2
dotnet "$here/GrowPerfData/bin/Release/net10.0/TraceReplay.GrowPerfData.dll" "$capture" "$bytes" "$work/big"
dotnet publish "$here/IngestBench" -c Release -r "$rid" --self-contained false -p:PublishReadyToRun=true -o "$work/bin" -v quiet -nologo >&2

now() { date +%s%N; }
i=1
while [ "$i" -le "$runs" ]; do
    start=$(now); perf script -i "$work/big" >/dev/null 2>&1; theirs=$(($(now) - start))
    rm -rf "$work/dataset"
    start=$(now); line=$(dotnet "$work/bin/TraceReplay.IngestBench.dll" "$work/big" "$work/dataset"); ours=$(($(now) - start))
    awk -v i="$i" -v t="$theirs" -v o="$ours" -v line="$line" 'BEGIN {
        printf "run %d: perf script %.2f s, ingest %.2f s, ratio %.1f (%s)\n", i, t / 1e9, o / 1e9, t / o, line }'
    echo "$theirs $ours" >>"$work/times"
    i=$((i + 1))
done
median() { awk -v c="$1" '{ print $c }' "$work/times" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
awk -v t="$(median 1)" -v o="$(median 2)" 'BEGIN {
    printf "median: perf script %.2f s, ingest %.2f s, %.1f times faster\n", t / 1e9, o / 1e9, t / o }'
