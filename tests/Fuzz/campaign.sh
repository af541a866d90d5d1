#!/usr/bin/env bash
# All ways of making inputs, each for its share of a time, against every reader and the replay:
#   tests/Fuzz/campaign.sh SECONDS [SEED] [WHAT...]
# WHAT: drivers (`TraceReplay.Fuzz drivers`: changed and crafted inputs, checked thoroughly) and afl-TARGET (guided by coverage: trace.dat,
# perf.data, text, nettrace, any, replay); all if none is named. A line for each tells cases, rates, what was found, memory, edges.
# What was found lies in artifacts/fuzz/finds; a later campaign goes on from what artifacts/fuzz/afl has of this one.
# Coverage-guided runs need afl++ (apt install afl++); its instrumentation is a tool of .NET that is fetched when it is missing.
# Recordings beside the repository are seeds too. Exit code 1: something was found.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?seconds}
seed=${2:-1}
shift $(($# < 2 ? $# : 2))
out=$PWD/artifacts/fuzz
plain=$out/bin
guided=$out/instrumented
sources=(tests/Ingest.Tests tests/EndToEnd.Tests/Field sample-traces)
for folder in ../shared/traces ../shared/frontier ../shared/field ../shared/adversarial ../shared/thirdparty; do
    [ -d "$folder" ] && sources+=("$folder")
done
mkdir -p "$out/finds" "$out/afl" "$out/seeds"
dotnet publish tests/Fuzz -c Release -o "$plain" -v quiet -nologo

what=("$@")
if [ $# -eq 0 ]; then
    mapfile -t what < <("$plain/TraceReplay.Fuzz" drivers)
    if command -v afl-fuzz >/dev/null; then
        what+=(afl-trace.dat afl-perf.data afl-text afl-nettrace afl-any afl-replay)
    else
        echo "afl-fuzz is not installed: nothing is guided by coverage" >&2
    fi
fi

if [[ " ${what[*]}" == *" afl-"* ]]; then
    [ -x "$out/tools/sharpfuzz" ] || dotnet tool install --tool-path "$out/tools" SharpFuzz.CommandLine --version 2.3.0 >/dev/null
    rm -rf "$guided"
    cp -r "$plain" "$guided"
    for library in TraceReplay.Ingest TraceReplay.Replay; do
        "$out/tools/sharpfuzz" "$guided/$library.dll"
    done
fi

# Kept inputs first: what was mended stays so.
for target in tests/Fuzz/regressions/*/; do
    "$plain/TraceReplay.Fuzz" try "$(basename "$target")" "$target"* || exit 1
done

# One number of afl's statistics.
statistic() {
    awk -F' *: *' -v key="$2" '$1 == key { print $2 }' "$1/default/fuzzer_stats"
}

guide() {
    local target=$1 for=$2 folder=$out/afl/$1 input=$out/seeds/$1
    if [ ! -d "$folder/default/queue" ]; then
        "$plain/TraceReplay.Fuzz" seeds "$target" "$input" "${sources[@]}"
        find tests/Fuzz/regressions/"$target" -type f -size -32k -exec cp {} "$input" \; 2>/dev/null || true
    else
        input=-
    fi
    mkdir -p "$folder"
    local dictionary=tests/Fuzz/dictionaries/$target.dict use=()
    [ -f "$dictionary" ] && use=(-x "$dictionary")
    # The bound of memory is the heap's, as .NET reserves address space at will; the time is the clock's, on a machine with other work.
    AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_FORKSRV_INIT_TMOUT=60000 \
        AFL_IGNORE_SEED_PROBLEMS=1 AFL_SKIP_CRASHES=1 AFL_TMPDIR=/dev/shm TRACEREPLAY_FUZZ_TALLY=$folder/tally DOTNET_GCHeapHardLimit=0x20000000 DOTNET_TieredPGO=0 \
        afl-fuzz -i "$input" -o "$folder" -V "$for" -t 20000 -m none -G 65536 "${use[@]}" -- "$guided/TraceReplay.Fuzz" afl "$target" >"$folder/log" 2>&1 || tail -5 "$folder/log"
    for work in /dev/shm/tracereplay-fuzz-*; do
        process=${work##*fuzz-}
        [ -d "/proc/${process%-*}" ] || rm -rf "$work"
    done
    if [ ! -f "$folder/default/fuzzer_stats" ]; then
        echo "afl-$target did not start" && return 1
    fi
    local found
    found=$(find "$folder"/default/crashes* "$folder"/default/hangs* -type f ! -name README.txt | wc -l)
    mkdir -p "$out/finds/afl-$target"
    find "$folder"/default/crashes* "$folder"/default/hangs* -type f ! -name README.txt -exec cp {} "$out/finds/afl-$target" \;
    printf '%-18s %s cases in %s s, %s/s; %s crashes, %s hangs; %s edges (%s), %s inputs of new paths; %s\n' "afl-$target" \
        "$(statistic "$folder" execs_done)" "$(statistic "$folder" run_time)" "$(statistic "$folder" execs_per_sec)" "$(statistic "$folder" saved_crashes)" "$(statistic "$folder" saved_hangs)" \
        "$(statistic "$folder" edges_found)" "$(statistic "$folder" bitmap_cvg)" "$(statistic "$folder" corpus_found)" "$("$plain/TraceReplay.Fuzz" tally "$folder")"
    [ "$found" = 0 ]
}

status=0
share=$((seconds / ${#what[@]}))
[ "$share" -gt 0 ] || share=1
for one in "${what[@]}"; do
    case $one in
        afl-*) guide "${one#afl-}" "$share" || status=1 ;;
        *) "$plain/TraceReplay.Fuzz" drive "$one" "$share" "$seed" "$out/finds/$one" "${sources[@]}" || status=1 ;;
    esac
done
exit $status
