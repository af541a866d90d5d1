#!/bin/sh
# Every file below a directory: the rows that an ingest makes of it, against the count that the format's own tool gives.
#   trace.dat: lines of `trace-cmd report`; perf.data: samples of `perf script`; texts: lines with a time stamp, counted by grep.
#   nettrace has no tool here: `-`. A file that the tool refuses has `-` too.
# Prints a line for each; exit code 1 if counts differ, or if a refusal is more than one line or not exit code 3.
# usage: tests/check-third-party.sh DIRECTORY   (needs trace-cmd and perf; unzip for *.zip)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build "$here/../src/Cli" -c Release -v quiet -nologo 2>&1 | grep -E "error|warn" >&2 || true
tool="dotnet $here/../src/Cli/bin/Release/net10.0/tracereplay.dll"

count() {
    case $(head -c 10 "$1" | tr '\0\n' '..') in
        *Dtracing) trace-cmd report "$1" 2>/dev/null | grep -cE '\[[0-9]+\] .*[0-9]:' || true ;;
        PERF* | *FREP*) perf script -f -F tid,time,event -i "$1" 2>/dev/null | grep -cE '[0-9]+\.[0-9]+: ' || true ;;
        Nettrace*) echo 0 ;;
        *) grep -acE '^[^#].*[0-9]\.[0-9]{4,9}: ' "$1" || true ;;
    esac
}

worst=0
list=$work/list
find "$1" -type f ! -name README.md | sort >"$list"
while read -r file; do
    plain=$file
    case $file in
        *.zip)
            rm -rf "$work/zip"
            unzip -qo "$file" -d "$work/zip"
            plain=$(find "$work/zip" -type f)
            [ "$(printf '%s\n' "$plain" | wc -l)" = 1 ] || { echo "$file: no capture but $(printf '%s\n' "$plain" | wc -l) files"; continue; }
            ;;
    esac
    own=$(count "$plain")
    code=0
    rows=$($tool ingest "$plain" -d "$work/data" --quiet --format csv 2>"$work/error" | tail -n +2 | awk -F, '{ print $(NF-2) }') || true
    $tool info "$plain" --format csv >/dev/null 2>&1 || code=$?
    verdict=equal
    if [ -z "$rows" ]; then
        verdict="refused, code $code: $(cat "$work/error")"
        { [ "$code" = 3 ] && [ "$(wc -l <"$work/error")" = 1 ]; } || worst=1
    elif [ "$own" = 0 ]; then
        own=-
        verdict="read, code $code"
    elif [ "$own" != "$rows" ]; then
        verdict=DIFFERENT
        worst=1
    fi
    rm -rf "$work/data"
    echo "${file#"$1"/}: rows ${rows:-0}, own tool $own: $verdict"
done <"$list"
exit $worst
