# Sourced by the scripts of this directory. TRACEREPLAY and FLEETMAKER: how the programs are called.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export TRACEREPLAY=${TRACEREPLAY:-dotnet $root/src/Cli/bin/Release/net10.0/tracereplay.dll}
read -ra tracereplay <<<"$TRACEREPLAY"
read -ra fleetmaker <<<"${FLEETMAKER:-dotnet $root/tests/FleetMaker/bin/Release/net10.0/FleetMaker.dll}"
work=$(mktemp -d "${TMPDIR:-/tmp}/fleet-XXXXXX")
trap 'rm -rf "$work"' EXIT

make_nights() { "${fleetmaker[@]}" --samples "$root/sample-traces" "$@"; }

# nightly INBOX DATASET OUT [OPTION...]; a regression (1) is a result, anything else a failure.
nightly() {
    local inbox=$1 dataset=$2 out=$3 code=0
    shift 3
    "${tracereplay[@]}" nightly --inbox "$inbox" -d "$dataset" --out "$out" "$@" >"$work/log" 2>&1 || code=$?
    [ "$code" -le 1 ] || { cat "$work/log" >&2; echo "nightly ended with $code" >&2; exit 1; }
}

seconds() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }'; }

# DATASET OUT: what a night wrote, without the places of both, which stand in the commands of the page.
pages() { (cd "$2" && find . -type f | sort | while read -r file; do echo "== $file"; sed "s|$2|OUT|g; s|$1|DATASET|g" "$file"; done); }

# same_night DATASET OUT DATASET OUT: the datasets answer alike and the reports are the same bytes. The first is asked only once.
same_night() {
    [ -e "$work/fingerprint.1" ] || "$here/fingerprint.sh" "$1" >"$work/fingerprint.1"
    "$here/fingerprint.sh" "$3" >"$work/fingerprint.2"
    diff "$work/fingerprint.1" "$work/fingerprint.2" >&2 && diff <(pages "$1" "$2") <(pages "$3" "$4") >&2
}
