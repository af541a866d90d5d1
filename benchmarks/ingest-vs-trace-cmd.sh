#!/bin/sh
# Ingest of all events into Parquet against `trace-cmd report > /dev/null`, the same file, interleaved in one run.
# usage: benchmarks/ingest-vs-trace-cmd.sh CAPTURE [RUNS]
# Needs trace-cmd. The program is compiled ahead for the runtime (ReadyToRun); all.sh measures native code.
set -eu
capture=${1:?usage: $0 CAPTURE [RUNS]}
runs=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $(uname -m) in x86_64) rid=linux-x64 ;; aarch64) rid=linux-arm64 ;; *) echo "no runtime for $(uname -m)" >&2; exit 1 ;; esac
dotnet publish "$here/IngestBench" -c Release -r "$rid" --self-contained false -p:PublishReadyToRun=true -o "$work/bin" -v quiet -nologo >&2

now() { date +%s%N; }
i=1
while [ "$i" -le "$runs" ]; do
    start=$(now); trace-cmd report "$capture" >/dev/null 2>&1; theirs=$(($(now) - start))
    rm -rf "$work/dataset"
    start=$(now); line=$(dotnet "$work/bin/TraceReplay.IngestBench.dll" "$capture" "$work/dataset"); ours=$(($(now) - start))
    awk -v i="$i" -v t="$theirs" -v o="$ours" -v line="$line" 'BEGIN {
        printf "run %d: trace-cmd report %.2f s, ingest %.2f s, ratio %.1f (%s)\n", i, t / 1e9, o / 1e9, t / o, line }'
    echo "$theirs $ours" >>"$work/times"
    i=$((i + 1))
done
sort -n "$work/times" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }' >"$work/theirs"
awk '{ print $2 }' "$work/times" | sort -n | awk '{ o[NR] = $1 } END { print o[int((NR + 1) / 2)] }' >"$work/ours"
awk -v t="$(cat "$work/theirs")" -v o="$(cat "$work/ours")" 'BEGIN {
    printf "median: trace-cmd report %.2f s, ingest %.2f s, %.1f times faster\n", t / 1e9, o / 1e9, t / o }'
