#!/usr/bin/env bash
# How many planted regressions a night finds, and how often a quiet one cries wolf.
# Usage: sensitivity.sh [TRIALS [QUIET [FACTOR [BASELINE [HOSTS [CAPTURES [SHARE]]]]]]]: planted nights, quiet nights, factor of a latency
# regression, quiet nights before the first, hosts (two classes), captures a night (5 for each host). With SHARE that share of the groups of
# single hosts has a regression, else three in ten of those of classes.
source "$(dirname "$0")/common.sh"
trials=${1:-14} quiet=${2:-20} factor=${3:-1.5} baseline=${4:-8} hosts=${5:-12}
captures=${6:-$((hosts * 5))} share=${7:-}
fleet=(--captures "$captures" --hosts "$hosts" --classes 2 --seed "${SEED:-1}")
[ -n "$share" ] || fleet+=(--plant-class)
first=2026-01-01
day() { date -u -d "$first + $1 days" +%F; }

make_nights --out "$work/inbox" --nights "$baseline" "${fleet[@]}"
nightly "$work/inbox" "$work/base" "$work/out"
found=0 planted=0 false=0
for trial in $(seq 0 $((trials - 1))); do
    cp -r "$work/base" "$work/trial"
    make_nights --out "$work/trial/inbox" --nights 1 --first-night $((baseline + trial)) "${fleet[@]}" --plant "${share:-0.3}" --factor "$factor" >/dev/null
    nightly "$work/trial/inbox" "$work/trial" "$work/trial/out"
    read -r f p a < <("${fleetmaker[@]}" judge --planted "$work/trial/planted.json" --summary "$work/trial/out/summary.json" 2>>"$work/misses")
    found=$((found + f)) planted=$((planted + p)) false=$((false + a))
    rm -rf "$work/trial"
done

# Quiet nights, one behind the other; each has those before it as its baseline.
make_nights --out "$work/inbox" --nights "$quiet" --first-night "$baseline" "${fleet[@]}" >/dev/null
nightly "$work/inbox" "$work/base" "$work/out"
alarms=0 tests=0
for n in $(seq "$baseline" $((baseline + quiet - 1))); do
    nightly "$work/inbox" "$work/base" "$work/out" --date "$(day "$n")"
    read -r _ _ a < <("${fleetmaker[@]}" judge --summary "$work/out/summary.json" 2>>"$work/misses")
    alarms=$((alarms + (a > 0)))
    tests=$((tests + $(sed -n 's/.*"comparisons": \([0-9][0-9]*\).*/\1/p' "$work/out/summary.json")))
done
cat "$work/misses" >&2 2>/dev/null || true
echo "planted (latency x $factor, outcome, lost records): $found of $planted found; $false groups of these nights reported that had nothing planted"
echo "quiet: $alarms of $quiet nights with a false alarm, in $tests comparisons"
[ $((found * 100)) -ge $((planted * 95)) ] && [ $((alarms * 20)) -lt "$((quiet > 20 ? quiet : 20))" ] && echo "ok" || { echo FAILED; exit 1; }
