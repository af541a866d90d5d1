#!/usr/bin/env bash
# Kills the nightly job (SIGKILL) at random moments and runs it again until it ends by itself; dataset and reports must then be those of
# an undisturbed run. Usage: kill.sh [KILLS [CAPTURES [SEED]]]
source "$(dirname "$0")/common.sh"
kills=${1:-50} captures=${2:-30} seed=${3:-$RANDOM}
RANDOM=$seed
echo "seed $seed"
make_nights --out "$work/inbox" --captures "$captures" --nights 2 --hosts 5 --plant 0.1
start=$(date +%s.%N)
nightly "$work/inbox" "$work/quiet" "$work/quiet.out"
whole=$(seconds "$start")

killed=0 ended=0 since=0
while [ "$killed" -lt "$kills" ] || [ "$since" != 0 ]; do
    code=0
    "${tracereplay[@]}" nightly --inbox "$work/inbox" -d "$work/data" --out "$work/out" >/dev/null 2>"$work/error" &
    program=$!
    if [ "$killed" -lt "$kills" ]; then
        # Anywhere from the program's start to a little beyond its end. Not timeout(1): it ends before what it killed has ended, and the
        # next run then meets the lock of one that is still dying.
        after=$(awk -v w="$whole" -v r="$RANDOM" 'BEGIN { print 0.05 + r / 32768 * w * 1.1 }')
        { sleep "$after"; kill -KILL "$program"; } 2>/dev/null &
        killer=$!
        wait "$program" || code=$?
        kill "$killer" 2>/dev/null || true
        wait "$killer" 2>/dev/null || true
    else
        wait "$program" || code=$?
    fi
    if [ "$code" = 137 ]; then
        killed=$((killed + 1)) since=$((since + 1))
    elif [ "$code" -le 1 ]; then
        same_night "$work/quiet" "$work/quiet.out" "$work/data" "$work/out" || { echo "FAILED: after $since kills the night is another"; exit 1; }
        ended=$((ended + 1)) since=0
        rm -rf "$work/data" "$work/out"
    else
        cat "$work/error"
        echo "FAILED: the run after $since kills ended with $code"
        exit 1
    fi
done
left=$(find "$work" -name '*.tmp' | wc -l)
echo "$killed kills in $ended nights of $((2 * captures)) captures: every night the same as an undisturbed one, $left temporary files left"
[ "$left" = 0 ] || { echo "FAILED: temporary files were left"; exit 1; }
echo "ok"
