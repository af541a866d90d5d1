#!/usr/bin/env bash
# A dataset in an object store: copied there by rclone, mounted read-only, asked every query of the library; the answers must be those of the
# local copy, and what writes must be refused in one line. The store is an S3 server on loopback. Needs rclone, fuse3 and /dev/fuse (Debian:
# rclone, fuse3) and npm, which brings the server. Usage: object-store.sh [CAPTURE…]
source "$(dirname "$0")/common.sh"
for tool in rclone fusermount3 npm; do
    command -v "$tool" >/dev/null || { echo "not run: $tool is not installed (Debian: rclone, fuse3, npm)"; exit 77; }
done
[ -c /dev/fuse ] || { echo "not run: there is no /dev/fuse"; exit 77; }
[ $# -gt 0 ] || set -- "$root/sample-traces/6.12-ttmsmall.trace.dat" "$root/sample-traces/6.12-mmio.trace.dat"
server=
trap 'set +e; fusermount3 -uz "$work/mnt" 2>/dev/null; [ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
port=$((20000 + RANDOM % 20000))
mkdir -p "$work/server" "$work/store" "$work/mnt"
(cd "$work/server" && npm install --silent --no-fund --no-audit s3rver@3.7.1)
node "$work/server/node_modules/.bin/s3rver" -d "$work/store" -p "$port" --configure-bucket captures >"$work/server.log" 2>&1 &
server=$!
# rclone is told by its environment; what this machine sets for other stores has no part in it.
unset AWS_CA_BUNDLE
export RCLONE_CONFIG=$work/rclone.conf RCLONE_CONFIG_STORE_TYPE=s3 RCLONE_CONFIG_STORE_PROVIDER=Other RCLONE_CONFIG_STORE_FORCE_PATH_STYLE=true no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
export RCLONE_CONFIG_STORE_ACCESS_KEY_ID=S3RVER RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY=S3RVER RCLONE_CONFIG_STORE_ENDPOINT=http://127.0.0.1:$port
touch "$RCLONE_CONFIG"

"${tracereplay[@]}" run -q "$@" -d "$work/data" >/dev/null
cp -r "$work/data" "$work/local"
# This server lists a folder only if a file lies in it itself; others need no such file.
find "$work/data" -type d -exec touch {}/.here \;
for _ in $(seq 50); do curl -s -o /dev/null "http://127.0.0.1:$port/" && break; sleep 0.1; done
rclone copy "$work/data" store:captures/night
rclone mount store:captures/night "$work/mnt" --read-only --vfs-cache-mode full --cache-dir "$work/cache" --daemon

asked=0
while IFS=, read -r name _; do
    for place in local mnt; do
        "${tracereplay[@]}" query -d "$work/$place" "$name" --format csv >"$work/$place.csv" 2>"$work/$place.err" || { cat "$work/$place.err" >&2; echo "$name over $place failed" >&2; exit 1; }
    done
    cmp "$work/local.csv" "$work/mnt.csv" && cmp "$work/local.err" "$work/mnt.err" || { echo "$name answers differently" >&2; exit 1; }
    asked=$((asked + 1))
done < <("${tracereplay[@]}" query --list --format csv | tail -n +2)
"${tracereplay[@]}" report -q -d "$work/mnt" -o "$work/page.html"
grep -q "did what its own logic says" "$work/page.html"
code=0
"${tracereplay[@]}" replay -q -d "$work/mnt" 2>"$work/error" || code=$?
[ "$code" = 4 ] && [ "$(wc -l <"$work/error")" = 1 ] || { echo "replay into a read-only mount ended with $code:" >&2; cat "$work/error" >&2; exit 1; }
echo "$asked queries and a report over the store; ok"
