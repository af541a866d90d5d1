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
dotnet build -c Release "$here/../src/Cli" >&2
tool() { dotnet "$here/../src/Cli/bin/Release/net10.0/tracereplay.dll" "$@"; }
tool ingest -q "$capture" -d "$work/dataset" >/dev/null
for pair in $(seq "$pairs"); do
    for run in a b; do
        tool cost -q -d "$work/dataset" --repetitions "$repetitions" --show measured --format csv > "$work/$pair.$run.csv"
    done
done
pairs_sql="
    WITH runs AS (
        SELECT regexp_extract(filename, '([0-9]+)[.]([ab])[.]csv', 1) AS pair, regexp_extract(filename, '([0-9]+)[.]([ab])[.]csv', 2) AS run, *
        FROM read_csv('$work/*.csv', filename = true, nullstr = '') WHERE ratio IS NOT NULL),
    pairs AS (
        SELECT a.model, a.path, a.alike, a.ratio AS first, b.ratio AS second, a.ratio_high - a.ratio_low AS width, a.model LIKE '%again%' AS itself,
               a.ratio BETWEEN b.ratio_low AND b.ratio_high AND b.ratio BETWEEN a.ratio_low AND a.ratio_high AS mutual,
               (1 BETWEEN a.ratio_low AND a.ratio_high)::INT + (1 BETWEEN b.ratio_low AND b.ratio_high)::INT AS holds_1
        FROM runs a JOIN runs b ON a.pair = b.pair AND a.run = 'a' AND b.run = 'b' AND a.model = b.model AND a.path = b.path AND a.alike IS NOT DISTINCT FROM b.alike)"
tool query -d "$work/dataset" --format table --sql "$pairs_sql
    SELECT model, path, alike, count(*) AS pairs, count(*) FILTER (mutual) AS mutual, min(least(first, second)) AS least, max(greatest(first, second)) AS most,
           round(median(width), 3) AS width, sum(holds_1) AS holds_1, 2 * count(*) AS of_runs
    FROM pairs GROUP BY ALL ORDER BY path, model"
tool query -d "$work/dataset" --format table --sql "$pairs_sql
    SELECT round(avg(mutual::INT), 3) AS mutual, round(avg(holds_1) FILTER (itself) / 2, 3) AS itself FROM pairs"
tool query -d "$work/dataset" --format csv --sql "$pairs_sql
    SELECT avg(mutual::INT) >= 0.95 AND avg(holds_1) FILTER (itself) / 2 >= 0.95 AS held FROM pairs" | grep -q true && echo held || { echo "not held"; exit 1; }
