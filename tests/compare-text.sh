#!/bin/sh
# Every row and field of `trace-cmd report` text, default and -R, against the trace.dat it was made from; and of a text of the
# same run that lies beside it (NAME.trace.txt.zst), as far as both recorded the same events.
# usage: tests/compare-text.sh CAPTURE... (trace.dat, or packed with zstd)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build "$here/TextCompare" -c Release -v quiet -nologo 2>&1 | grep -E "error|warn" >&2 || true
compare="dotnet $here/TextCompare/bin/Release/net10.0/TraceReplay.TextCompare.dll"
worst=0
for capture in "$@"; do
    plain=$capture
    case $capture in *.zst) plain=$work/plain.dat; zstd -dqf "$capture" -o "$plain" ;; esac
    name=$(basename "$capture" .zst)
    for option in "" "-R" "-t"; do
        text="$work/$name$option.txt"
        trace-cmd report $option "$plain" 2>/dev/null >"$text"
        $compare "$plain" "$text" || worst=1
        rm "$text"
    done

    beside="${capture%.dat}.txt.zst"
    if [ -e "$beside" ]; then
        $compare "$plain" "$beside" --subset || worst=1
    fi
done
exit $worst
