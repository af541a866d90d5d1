#!/bin/sh
# Every event, field and hole that an ingest writes, against `trace-cmd report -R -t` of the same file.
# usage: tests/compare-with-trace-cmd.sh CAPTURE... (trace.dat, or packed with zstd)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build "$here/TraceCmdCompare" -c Release -v quiet -nologo 2>&1 | grep -E "error|warn" >&2 || true
worst=0
for capture in "$@"; do
    plain=$capture
    case $capture in *.zst) plain=$work/plain.dat; zstd -dqf "$capture" -o "$plain" ;; esac
    trace-cmd report -R -t "$plain" 2>/dev/null |
        dotnet "$here/TraceCmdCompare/bin/Release/net10.0/TraceReplay.TraceCmdCompare.dll" "$capture" || worst=1
done
exit $worst
