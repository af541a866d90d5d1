# A Slurm cluster of one controller and three node daemons on this machine's loopback. Sourced; needs $work (an empty directory).
# slurm_start, slurm_stop, node_kill N (the daemon and everything it runs, as if the machine were gone).
export SLURM_CONF=$work/slurm.conf
PATH=$PATH:/usr/sbin
slurm_port=$((20000 + RANDOM % 9000 * 4))
slurm_daemons=()

slurm_start() {
    local me short n
    me=$(id -un)
    short=$(hostname -s)
    mkdir -p "$work/state" "$work/munge"
    chmod 700 "$work/munge"
    dd if=/dev/urandom of="$work/munge/key" bs=128 count=1 2>/dev/null
    chmod 600 "$work/munge/key"
    munged --force --foreground --num-threads=2 --key-file="$work/munge/key" --socket="$work/munge/socket" \
        --pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed" >/dev/null 2>&1 &
    slurm_daemons+=($!)

    # SlurmdTimeout: a dead node is noticed within seconds. cred_expire: a task that is requeued waits that long before it begins
    # again. No cgroups, no accounting, no real core counts: nothing that a container could not give.
    cat >"$SLURM_CONF" <<CONF
ClusterName=loopback
SlurmctldHost=$short(127.0.0.1)
SlurmUser=$me
SlurmdUser=$me
SlurmctldPort=$slurm_port
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,defer
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
SlurmctldTimeout=10
SlurmdTimeout=5
KillWait=2
MinJobAge=300
InactiveLimit=0
NodeName=node1 NodeHostname=$short NodeAddr=127.0.0.1 Port=$((slurm_port + 1)) CPUs=2 RealMemory=4096
NodeName=node2 NodeHostname=$short NodeAddr=127.0.0.1 Port=$((slurm_port + 2)) CPUs=2 RealMemory=4096
NodeName=node3 NodeHostname=$short NodeAddr=127.0.0.1 Port=$((slurm_port + 3)) CPUs=2 RealMemory=4096
PartitionName=night Nodes=node[1-3] Default=YES MaxTime=INFINITE State=UP
CONF
    slurmctld -D -f "$SLURM_CONF" >/dev/null 2>&1 &
    slurm_daemons+=($!)
    for n in 1 2 3; do
        mkdir -p "$work/spool-node$n"
        slurmd -D -N "node$n" -f "$SLURM_CONF" >/dev/null 2>&1 &
        slurm_daemons+=($!)
        disown
    done
    for _ in $(seq 60); do
        [ "$(sinfo -h -t idle -o %D 2>/dev/null)" = 3 ] && return 0
        sleep 0.5
    done
    echo "the cluster did not come up:" >&2
    tail -n 5 "$work"/slurmctld.log "$work"/slurmd-node*.log >&2
    return 1
}

# Everything below a process, the process first.
tree() {
    local child
    [ -n "$1" ] || return 0
    echo "$1"
    for child in $(ps -o pid= --ppid "$1"); do
        tree "$child"
    done
}

# What a daemon started is not its child any more once it has detached; jobs carry the node's name, and hang below a slurmstepd.
node_processes() {
    local daemon process parent
    daemon=$(cat "$work/slurmd-$1.pid" 2>/dev/null || true)
    [ -z "$daemon" ] || tree "$daemon"
    for process in $(grep -lszx -e "SLURMD_NODENAME=$1" /proc/[0-9]*/environ); do
        if grep -qszx -e "SLURM_CONF=.*$(basename "$work").*" "$process"; then
            process=${process#/proc/}
            process=${process%/environ}
            echo "$process"
            parent=$(ps -o ppid= -p "$process" 2>/dev/null | tr -d ' ' || true)
            [[ $(ps -o args= -p "${parent:-1}" 2>/dev/null || true) != slurmstepd* ]] || echo "$((parent))"
        fi
    done
}

node_kill() {
    local pids
    pids=$(node_processes "$1" | sort -un)
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
}

slurm_stop() {
    local pid n
    for n in 1 2 3; do
        node_kill "node$n"
    done
    for pid in "${slurm_daemons[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    sleep 1
    for pid in "${slurm_daemons[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
}
