#!/bin/sh
# Coverage-guided fuzzing of every reader, or of ingest and replay, for as long as is asked:
#   tests/Fuzz/run.sh reader|replay SECONDS [SEEDS]
# needs afl++ (apt install afl++) and the tool sharpfuzz (dotnet tool install -g SharpFuzz.CommandLine). SEEDS: a directory of small
# captures (default: those of the readers' tests). What crashes or hangs is left in artifacts/fuzz/TARGET/default/{crashes,hangs}; kept
# inputs go to tests/Fuzz/regressions/TARGET, which every run tries first.
set -eu
cd "$(dirname "$0")/../.."
target=${1:?reader or replay}
seconds=${2:?seconds}
out=artifacts/fuzz/$target
bin=artifacts/fuzz/bin
mkdir -p "$out"
dotnet publish -c Release tests/Fuzz -o "$bin"
for library in TraceReplay.Ingest TraceReplay.Replay; do
    sharpfuzz "$bin/$library.dll"
done
seeds=${3:-}
if [ -z "$seeds" ]; then
    seeds=$out/seeds
    mkdir -p "$seeds"
    # AFL wants seeds small: what is longer than 64 KiB teaches it little.
    find tests/Ingest.Tests tests/EndToEnd.Tests/Field -type f -size -64k ! -name '*.cs' ! -path '*/bin/*' ! -path '*/obj/*' -exec cp -n {} "$seeds" \;
fi
for kept in tests/Fuzz/regressions/"$target"/*; do
    [ -e "$kept" ] && "$bin/TraceReplay.Fuzz" "$target" "$kept"
done
export AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1
exec afl-fuzz -i "$seeds" -o "$out" -V "$seconds" -t 20000 -m none -- "$bin/TraceReplay.Fuzz" "$target"
