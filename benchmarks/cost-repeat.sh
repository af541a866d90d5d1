#!/bin/sh
# Do repeated runs of `cost` say the same? Run: benchmarks/cost-repeat.sh CAPTURE [PAIRS [REPETITIONS]]
# Each pair is two runs, a process each. For every model and path: in how many pairs does each run's ratio lie in the other's 95 %
# interval, and in how many runs does the interval of the baseline against itself hold 1. Fails below 19 of 20.
set -eu
[ $# -gt 0 ] || { echo "usage: $0 CAPTURE [PAIRS [REPETITIONS]]" >&2; exit 2; }
capture=$1 pairs=${2:-20} repetitions=${3:-30}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build -c Release "$here/../src/Cli" >/dev/null
tool() { dotnet "$here/../src/Cli/bin/Release/net10.0/tracereplay.dll" "$@"; }
tool ingest -q "$capture" -d "$work/dataset" >/dev/null
for pair in $(seq "$pairs"); do
    for run in a b; do
        tool cost -q -d "$work/dataset" --repetitions "$repetitions" --show measured --format csv > "$work/$pair.$run.csv"
    done
done
tool query -d "$work/dataset" --format table --sql "
    WITH runs AS (
        SELECT regexp_extract(filename, '([0-9]+)[.]([ab])[.]csv', 1) AS pair, regexp_extract(filename, '([0-9]+)[.]([ab])[.]csv', 2) AS run, *
        FROM read_csv('$work/*.csv', filename = true, nullstr = '') WHERE ratio IS NOT NULL)
    SELECT a.model, a.path, a.alike, count(*) AS pairs,
           count(*) FILTER (a.ratio BETWEEN b.ratio_low AND b.ratio_high AND b.ratio BETWEEN a.ratio_low AND a.ratio_high) AS mutual,
           round(min(least(a.ratio, b.ratio)), 3) AS least, round(max(greatest(a.ratio, b.ratio)), 3) AS most,
           round(median(a.ratio_high - a.ratio_low), 3) AS width,
           count(*) FILTER (1 BETWEEN a.ratio_low AND a.ratio_high) + count(*) FILTER (1 BETWEEN b.ratio_low AND b.ratio_high) AS holds_1, 2 * count(*) AS of_runs
    FROM runs a JOIN runs b ON a.pair = b.pair AND a.run = 'a' AND b.run = 'b' AND a.model = b.model AND a.path = b.path AND a.alike IS NOT DISTINCT FROM b.alike
    GROUP BY ALL ORDER BY a.path, a.model"
tool query -d "$work/dataset" --format csv --sql "
    WITH runs AS (
        SELECT regexp_extract(filename, '([0-9]+)[.]([ab])[.]csv', 1) AS pair, regexp_extract(filename, '([0-9]+)[.]([ab])[.]csv', 2) AS run, *
        FROM read_csv('$work/*.csv', filename = true, nullstr = '') WHERE ratio IS NOT NULL)
    SELECT count(*) FILTER (a.ratio BETWEEN b.ratio_low AND b.ratio_high AND b.ratio BETWEEN a.ratio_low AND a.ratio_high) >= 0.95 * count(*)
       AND count(*) FILTER (a.model LIKE '%again%' AND 1 BETWEEN a.ratio_low AND a.ratio_high) >= 0.95 * count(*) FILTER (a.model LIKE '%again%') AS held
    FROM runs a JOIN runs b ON a.pair = b.pair AND a.run = 'a' AND b.run = 'b' AND a.model = b.model AND a.path = b.path AND a.alike IS NOT DISTINCT FROM b.alike" | grep -q true && echo "held" || { echo "not held"; exit 1; }
