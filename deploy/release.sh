#!/usr/bin/env bash
# Builds what a release holds: for each platform an archive that needs nothing installed (native code for the builder's own, else compiled ahead with the runtime), and the
# sums of all. docs/releasing.md says when. Usage: deploy/release.sh VERSION [RID…]
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: $0 VERSION [RID…]}
shift
if [ $# -eq 0 ]; then
    # The platforms that the lock files know; another one changes them.
    set -- linux-x64 linux-arm64
    export RestoreLockedMode=true
fi
most=$((60 * 1024 * 1024))
out=artifacts/release-$version
rm -rf "$out"
mkdir -p "$out"
for rid in "$@"; do
    name=tracereplay-$version-$rid
    dotnet publish src/Cli -c Release -r "$rid" --self-contained true -p:MinVerVersionOverride="$version" -p:InformationalVersion="$version" -o "$out/$name" -v quiet -nologo
    cp README.md LICENSE CHANGELOG.md "$out/$name/"
    tar -C "$out" --sort=name --owner=0 --group=0 --mtime="@${SOURCE_DATE_EPOCH:-0}" -c "$name" | xz -T0 -6 >"$out/$name.tar.xz"
    rm -rf "${out:?}/$name"
    size=$(stat -c %s "$out/$name.tar.xz")
    echo "$name.tar.xz: $((size / 1024 / 1024)) MiB"
    [ "$size" -le "$most" ] || { echo "$name.tar.xz is larger than 60 MiB" >&2; exit 1; }
done
(cd "$out" && sha256sum -- *.tar.xz >SHA256SUMS)
echo "$out"
