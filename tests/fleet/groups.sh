#!/usr/bin/env bash
# Holds deploy/systemd/tracereplay.sysusers and .tmpfiles to what deploy/README.md says: who uploads, who reads, and who may not. Needs root
# and systemd's programs; users, groups and directories are made in a root of their own, the files' owners by number.
# Usage: groups.sh
source "$(dirname "$0")/common.sh"
[ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 2; }
place=$work/root
mkdir -p "$place/etc" "$place/var/lib"
# Whoever is not in a group must still pass through to the place.
chmod 755 "$work" "$place" "$place/var" "$place/var/lib"
systemd-sysusers --root="$place" "$root/deploy/systemd/tracereplay.sysusers"
systemd-tmpfiles --root="$place" --create "$root/deploy/systemd/tracereplay.tmpfiles"
id_of() { awk -F: -v n="$2" '$1 == n { print $3 }' "$place/etc/$1"; }
job=$(id_of passwd tracereplay) own=$(id_of group tracereplay) upload=$(id_of group tracereplay-upload) read=$(id_of group tracereplay-read)
grep -q '^tracereplay-upload:.*:tracereplay$' "$place/etc/group" || { echo "the job is no member of tracereplay-upload" >&2; exit 1; }
state=$place/var/lib/tracereplay
as() { local user=$1 group=$2 groups=$3; shift 3; (umask 0027; setpriv --reuid "$user" --regid "$group" --groups "$groups" -- env HOME=/nonexistent "$@"); }
uploader() { as 61001 61001 "$upload" "$@"; }
other() { as 61002 61002 "$upload" "$@"; }
reader() { as 61003 61003 "$read" "$@"; }
nobody() { as 61004 61004 61004 "$@"; }
refused() { if "$@" >/dev/null 2>&1; then echo "was not refused: $*" >&2; exit 1; fi; }

sample=$work/sample.trace.dat
install -m 644 "$root/sample-traces/6.12-ttmsmall.trace.dat" "$sample"
uploader mkdir "$state/inbox/host1"
uploader cp "$sample" "$state/inbox/host1/a.part"
uploader mv "$state/inbox/host1/a.part" "$state/inbox/host1/a.trace.dat"
uploader cp "$sample" "$state/inbox/b.trace.dat"
refused other rm -f "$state/inbox/b.trace.dat"
refused reader ls "$state/inbox"
refused nobody ls "$state/inbox"

# The program lies where every user may read it.
program=("${tracereplay[@]}")
cp -r "$(dirname "${program[-1]}")" "$work/program"
chmod -R a+rX "$work/program"
program[-1]=$work/program/$(basename "${program[-1]}")
code=0
as "$job" "$own" "$upload" "${program[@]}" nightly --inbox "$state/inbox" -d "$state/dataset" --out "$state/out" --settle 0 || code=$?
[ "$code" -le 1 ] || { echo "nightly ended with $code" >&2; exit 1; }
for file in report.html summary.json metrics.prom junit.xml; do
    reader cat "$state/out/$file" >/dev/null
    refused nobody cat "$state/out/$file"
    refused uploader cat "$state/out/$file"
    refused reader touch "$state/out/$file"
done
refused reader ls "$state/dataset"
refused uploader ls "$state/dataset"
reader grep -q '"captures": 2' "$state/out/summary.json" || reader grep -q '"captures": 1' "$state/out/summary.json"
echo ok
