#!/bin/sh
# Speed of the models and of a whole replay, from captures. Run: benchmarks/replay.sh CAPTURE…
set -eu
[ $# -gt 0 ] || { echo "usage: $0 CAPTURE..." >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet run -c Release --project "$here/../src/Cli" -- ingest -q "$@" -d "$work/dataset" >/dev/null
dotnet run -c Release --project "$here/ReplayBench" -- "$work/dataset"
