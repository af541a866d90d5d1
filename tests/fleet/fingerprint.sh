#!/usr/bin/env bash
# One line for each view of a dataset: its name, its rows, a sum over all their values that does not depend on their order.
# Two datasets with the same lines answer every query alike. Usage: fingerprint.sh DATASET
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DATASET" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
read -ra program <<<"${TRACEREPLAY:-dotnet $here/../../src/Cli/bin/Release/net10.0/tracereplay.dll}"
sql=$(sed -n 's/^CREATE OR REPLACE VIEW "\{0,1\}\([A-Za-z0-9_]*\)"\{0,1\} AS .*/\1/p' "$1/views.sql" | sort |
    awk '{ printf "%sSELECT '\''%s'\'' AS view, count(*) AS n, sum(hash(t)) AS hash FROM \"%s\" t", (NR > 1 ? " UNION ALL " : ""), $1, $1 }')
"${program[@]}" query -d "$1" --format csv --sql "$sql"
