#!/bin/sh
# One night over many machines: an array of shards, then one job that compares and reports.
# Usage: submit.sh INBOX DATASET OUT SHARDS [NIGHTLY OPTION...]    (all three on a file system that all nodes see)
# SBATCH_OPTIONS: for both jobs, e.g. "--partition=night --account=kvm". TRACEREPLAY: how the program is called on a node.
# NIGHTLY OPTIONs go to the merge job (--date, --retention, --baseline-nights, --fail-on). Prints the id of the merge job.
set -eu
[ $# -ge 4 ] || { echo "usage: $0 INBOX DATASET OUT SHARDS [NIGHTLY OPTION...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
inbox=$1 dataset=$2 out=$3 shards=$4
shift 4

# shellcheck disable=SC2086  # SBATCH_OPTIONS is a list of options
array=$(sbatch --parsable --array="1-$shards" ${SBATCH_OPTIONS:-} "$here/nightly-array.sbatch" "$inbox" "$dataset" "$shards")
# afterany, not afterok: with afterok one lost shard would leave the night without a report. The merge job does what a shard
# left undone before it compares, so that its result is that of a whole night whatever happened.
# shellcheck disable=SC2086
merge=$(sbatch --parsable --dependency="afterany:${array%%;*}" ${SBATCH_OPTIONS:-} "$here/merge.sbatch" "$inbox" "$dataset" "$out" "$@")
echo "${merge%%;*}"
