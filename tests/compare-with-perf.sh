#!/bin/sh
# Every row that an ingest writes of a perf.data, field by field, against perf script of the same file: the values that perf
# hands to its scripts, and the text of `perf script -F comm,tid,pid,cpu,time,event,trace --ns`.
# usage: tests/compare-with-perf.sh CAPTURE... (perf.data, or packed with zstd). Needs a perf that runs Python scripts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build "$here/PerfScriptCompare" -c Release -v quiet -nologo 2>&1 | grep -E "error|warn" >&2 || true
worst=0
for capture in "$@"; do
    plain=$capture
    case $capture in *.zst) plain=$work/plain.data; zstd -dqf "$capture" -o "$plain" ;; esac
    if ! FIELDS_OUT=$work/fields perf script -s "$here/PerfScriptCompare/fields.py" -i "$plain" >"$work/log" 2>&1; then
        echo "$capture: perf cannot read it: $(grep -v '^$' "$work/log" | tail -1)"
        worst=1
        continue
    fi
    text=$work/text
    if ! perf script -F comm,tid,pid,cpu,time,event,trace --ns -i "$plain" >"$text" 2>"$work/log"; then
        echo "$capture: perf has no such text of it: $(grep -v '^$' "$work/log" | tail -1)"
        text=-
    fi
    dotnet "$here/PerfScriptCompare/bin/Release/net10.0/TraceReplay.PerfScriptCompare.dll" "$capture" "$work/fields" "$text" || worst=1
done
exit $worst
