#!/usr/bin/env bash
# A night over three nodes of a Slurm cluster on loopback, by deploy/slurm. One node dies in the middle of its shard. The merged night
# must be that of a single machine. Needs slurmctld, slurmd and munged (Debian: slurm-wlm, munge), and no systemd.
# Usage: run.sh [CAPTURES]
source "$(dirname "$0")/../fleet/common.sh"
source "$root/tests/slurm/cluster.sh"
captures=${1:-30}
for tool in slurmctld slurmd munged sbatch; do
    command -v "$tool" >/dev/null || { echo "not run: $tool is not installed (Debian: slurm-wlm, munge)"; exit 77; }
done
trap 'set +e; slurm_stop; rm -rf "$work"' EXIT
make_nights --out "$work/inbox" --captures "$captures" --nights 2 --hosts 6 --plant 0.1

slurm_start
cd "$work"
# One shard on a node at a time: two processors are what a node has.
export SBATCH_OPTIONS="--cpus-per-task=2 --mem=2000"
merge=$("$root/deploy/slurm/submit.sh" "$work/inbox" "$work/data" "$work/out" 3)

# Kill a node once its shard has got somewhere.
on_node2() { squeue -h -r -t R -o '%N %K' | sed -n 's/^node2 //p'; }
for _ in $(seq 100); do
    shard=$(on_node2)
    [ -n "$shard" ] && [ "$(find "$work/data/traces/manifests" -name '*.json' 2>/dev/null | wc -l)" -ge 6 ] && break
    sleep 0.2
done
shard=$(on_node2)
[ -n "$shard" ] || { squeue; tail -n 3 "$work"/*.log; echo "FAILED: no shard ran on node2"; exit 1; }
done_before=$(find "$work/data/traces/manifests" -name '*.json' | wc -l)
node_kill node2
echo "node2 killed in shard $shard of 3, with $done_before of $((2 * captures)) captures in the dataset"

for _ in $(seq 240); do
    state=$(scontrol -o show job "$merge" | sed 's/.*JobState=\([A-Z_]*\).*ExitCode=\([0-9]*\):.*/\1 \2/')
    case $state in COMPLETED* | FAILED* | CANCELLED* | TIMEOUT*) break ;; esac
    sleep 0.5
done
code=${state#* }
requeued=$(grep -c "requeue job .* due to failure of node node2" "$work/slurmctld.log" || true)
echo "merge job: $state; tasks begun again on another node: $requeued"
[ "$code" = 0 ] || [ "$code" = 1 ] || { tail -n 5 "$work"/tracereplay-*.log; echo "FAILED: the merge job ended with $state"; exit 1; }
[ "$requeued" = 1 ] || { tail -n 25 "$work/slurmctld.log"; echo "FAILED: the task of the dead node was not begun again"; exit 1; }

nightly "$work/inbox" "$work/single" "$work/single.out"
same_night "$work/single" "$work/single.out" "$work/data" "$work/out" || { echo "FAILED: the night over three nodes is another than that of one"; exit 1; }
echo "the night over three nodes is that of a single machine"
echo "ok"
