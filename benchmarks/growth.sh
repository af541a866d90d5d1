#!/usr/bin/env bash
# How time and memory grow with one capture, and with the number of captures; prints a table of each and a chart of the peaks, in Markdown. Each command runs once.
# usage: [TRACEREPLAY=PROGRAM] benchmarks/growth.sh TRACE.DAT [SIZES [CAPTURES [FOLDER]]]
#   TRACE.DAT  a v7 capture, repeated up to each of SIZES (MiB of ring-buffer pages; default "256 1024 2048")
#   CAPTURES   sizes of compacted nights (default "100 1000 5000"); beyond 1,000 the same captures come again under other ids
#   FOLDER     where everything lies meanwhile (default a temporary one); it is emptied at the end. A short form: growth.sh sample.trace.dat "16 32" "10 20"
set -euo pipefail
capture=$(realpath "${1:?usage: $0 TRACE.DAT [SIZES [CAPTURES [FOLDER]]]}")
read -ra sizes <<<"${2-256 1024 2048}"
read -ra nights <<<"${3-100 1000 5000}"
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d -p "${4:-${TMPDIR:-/tmp}}")
trap 'rm -rf "$work"' EXIT
cd "$root"
[ -x /usr/bin/time ] || { echo "$0: found no /usr/bin/time, which tells the peak of memory" >&2; exit 2; }
most=${MOST_SECONDS:-300}
made=1000
program=${TRACEREPLAY:-$work/bin/tracereplay}
if [ -z "${TRACEREPLAY:-}" ]; then
    case $(uname -m) in aarch64 | arm64) platform=linux-arm64 ;; *) platform=linux-x64 ;; esac
    dotnet publish src/Cli -c Release -r "$platform" --self-contained true -o "$work/bin" -v quiet -nologo >&2
fi
dotnet build benchmarks/GrowTraceDat -c Release -v quiet -nologo >&2
dotnet build tests/FleetMaker -c Release -v quiet -nologo >&2
mapfile -t queries < <("$program" query --list | awk -F, 'NR > 1 { print $1 }')

# measure COLUMN ROW COMMAND…: one line "row, processor, wall, MiB" in the column's file, without numbers if it fails or is stopped (1 only says that something was found).
measure() {
    local column=$1 row=$2 status=0
    shift 2
    /usr/bin/time -q -f '%U %S %e %M' -o "$work/time" timeout "$most" "$@" >/dev/null 2>"$work/error" || status=$?
    if [ "$status" -le 1 ]; then
        awk -v r="$row" '{ printf "%s\t%.2f\t%.2f\t%.0f\n", r, $1 + $2, $3, $4 / 1024 }' "$work/time" >>"$column"
    else
        echo "$row ended with $status: $(head -n 1 "$work/error")" >&2
        printf '%s\t-\t-\t-\n' "$row" >>"$column"
    fi
}
ask() { # COLUMN DATASET
    for query in "${queries[@]}"; do measure "$1" "query $query" "$program" query -q --format csv -d "$2" "$query"; done
    measure "$1" report "$program" report -q -d "$2" -o "$work/report.html"
    local trace
    trace=$("$program" query -q -d "$2" --format csv --sql 'SELECT min(trace_id) FROM traces' | tail -n 1)
    measure "$1" "export of one trace" "$program" export -q -d "$2" --trace "$trace" -o "$work/out.perfetto"
    measure "$1" "cost, counted" "$program" cost -q -d "$2" --repetitions 0
    rm -f "$work/report.html" "$work/out.perfetto"
}

for size in "${sizes[@]}"; do
    column=$work/size.$size
    dotnet benchmarks/GrowTraceDat/bin/Release/net10.0/TraceReplay.GrowTraceDat.dll "$capture" $((size << 20)) "$work/grown.trace.dat" >/dev/null
    measure "$column" ingest "$program" ingest -q -d "$work/data" "$work/grown.trace.dat"
    measure "$column" replay "$program" replay -q -d "$work/data"
    TMPDIR=$work measure "$column" run "$program" run -q "$work/grown.trace.dat"
    events=$("$program" query -q -d "$work/data" --format csv --sql 'SELECT sum(events) FROM traces' | tail -n 1)
    echo "$(stat -c %s "$work/grown.trace.dat") $events" >"$column.of"
    rm "$work/grown.trace.dat"
    ask "$column" "$work/data"
    rm -rf "$work/data"
done

# again FROM TO N: the compacted dataset FROM N times in TO, the captures of each further time under ids of their own.
again() {
    cp -r "$1" "$2"
    local n file id day
    for n in $(seq 1 $(($3 - 1))); do
        id=$(printf '%x' "$n")
        for day in "$1"/traces/days/*.json; do
            sed -E 's/"trace_id":"[0-9a-f]{'${#id}'}([0-9a-f]*)"/"trace_id":"\1'"$id"'"/' "$day" >>"$2/traces/days/$(basename "$day")"
        done
        (cd "$1" && find compacted -name '*.parquet') | while read -r file; do
            echo "COPY (SELECT * REPLACE (trace_id[1 + ${#id}:] || '$id' AS trace_id) FROM read_parquet('$1/$file', hive_partitioning = false)) TO '$2/${file%.parquet}-$id.parquet' (FORMAT parquet, COMPRESSION zstd);"
        done >"$work/again.sql"
        "$program" query -q -d "$1" -f "$work/again.sql" >/dev/null
    done
}
for night in "${nights[@]}"; do
    column=$work/night.$night
    if [ "$night" -gt "$made" ] && [ -d "$work/made/data" ]; then
        again "$work/made/data" "$work/data" $((night / made))
    else
        dotnet tests/FleetMaker/bin/Release/net10.0/FleetMaker.dll --samples sample-traces --out "$work/inbox" --captures "$night" --hosts 40 >&2
        most=36000 measure "$column" "nightly: ingest, replay, compare, compact, report" "$program" nightly --inbox "$work/inbox" -d "$work/data" --out "$work/out" --settle 0
        rm -rf "$work/inbox" "$work/out"
        if [ "$night" -eq "$made" ]; then
            mkdir "$work/made"
            cp -r "$work/data" "$work/made/data"
        fi
    fi
    "$program" compact -q -d "$work/data" >/dev/null
    "$program" query -q -d "$work/data" --format csv --sql 'SELECT count(*), sum(events) FROM traces' | tail -n 1 | tr , ' ' >"$column.of"
    ask "$column" "$work/data"
    rm -rf "$work/data"
done

# table HEAD-FORMAT COLUMN…: a cell is processor time, wall time and peak; the last two columns say how much more the last size takes than the first.
table() {
    local head="|" rule="|---|" column
    for column in "$@"; do
        case $column in
            */size.*) head+=$(awk '{ printf " %.2f GB, %.1f M events |", $1 / 1e9, $2 / 1e6 }' "$column.of") ;;
            *) head+=$(awk '{ printf " %d captures |", $1 }' "$column.of") ;;
        esac
        rule+="---|"
    done
    echo "| |${head#|} processor grows | peak grows |"
    echo "$rule---|---|"
    awk -F '\t' -v columns=$# '
        FNR == 1 { c++ }
        !($1 in seen) { seen[$1] = 1; order[++rows] = $1 }
        { cell[$1, c] = $2 == "-" ? "none" : sprintf("%.2f s (%.2f), %d MiB", $2, $3, $4); cpu[$1, c] = $2; peak[$1, c] = $4 }
        END {
            for (i = 1; i <= rows; i++) {
                r = order[i]; line = "| " r " |"
                for (k = 1; k <= columns; k++) line = line " " cell[r, k] " |"
                a = cpu[r, 1]; b = cpu[r, columns]
                line = line (a > 0 && b > 0 ? sprintf(" %.1f times | %.1f times |", b / a, peak[r, columns] / peak[r, 1]) : " | |")
                print line
            }
        }' "$@"
}
# chart TITLE ROWS COLUMN…: peaks of some rows, one line each.
chart() {
    local title=$1 rows=$2 row column axis="" values
    shift 2
    for column in "$@"; do axis+=", \"${column##*.}\""; done
    printf '\n```mermaid\nxychart-beta\n    title "%s: %s"\n    x-axis [%s]\n    y-axis "MiB" 0 --> 1000\n' "$title" "${rows//|/, }" "${axis#, }"
    while read -r row; do
        values=""
        for column in "$@"; do values+=", $(awk -F '\t' -v r="$row" '$1 == r { v = $4 } END { print v + 0 }' "$column")"; done
        echo "    line [${values#, }]"
    done < <(tr '|' '\n' <<<"$rows")
    printf '```\n\n'
}
columns=()
for size in ${sizes[@]+"${sizes[@]}"}; do columns+=("$work/size.$size"); done
if [ ${#columns[@]} -gt 0 ]; then
    table "${columns[@]}"
    chart "Peak by MiB of pages" "ingest|replay|run|report|query faults_by_outcome" "${columns[@]}"
fi
columns=()
for night in ${nights[@]+"${nights[@]}"}; do columns+=("$work/night.$night"); done
if [ ${#columns[@]} -gt 0 ]; then
    table "${columns[@]}"
    chart "Peak by captures" "report|query faults_by_outcome|query invariants" "${columns[@]}"
fi
