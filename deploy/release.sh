#!/usr/bin/env bash
# Builds what a release holds: for each platform an archive and a package of the tool that need nothing installed (native code for the builder's own, else compiled ahead with
# the runtime), the package `tracereplay` that points to the others, and the sums of all. docs/releasing.md says when. Usage: deploy/release.sh VERSION [RID…]
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
options=(-c Release -p:MinVerVersionOverride="$version" -p:InformationalVersion="$version" -v quiet -nologo)
fits() {
    local size
    size=$(stat -c %s "$out/$1")
    echo "$1: $((size / 1024 / 1024)) MiB"
    [ "$size" -le "$most" ] || { echo "$1 is larger than 60 MiB" >&2; exit 1; }
}
for rid in "$@"; do
    name=tracereplay-$version-$rid
    dotnet publish src/Cli "${options[@]}" -r "$rid" --self-contained true -o "$out/$name"
    cp README.md LICENSE CHANGELOG.md "$out/$name/"
    # A first verdict without a capture of one's own.
    mkdir "$out/$name/sample-traces"
    cp sample-traces/README.md sample-traces/6.12-ttmsmall.* sample-traces/6.12-mmio.* "$out/$name/sample-traces/"
    tar -C "$out" --sort=name --owner=0 --group=0 --mtime="@${SOURCE_DATE_EPOCH:-0}" -c "$name" | xz -T0 -6 >"$out/$name.tar.xz"
    rm -rf "${out:?}/$name"
    fits "$name.tar.xz"
    dotnet pack src/Cli "${options[@]}" -r "$rid" -p:SelfContained=true -o "$out"
    fits "tracereplay.$rid.$version.nupkg"
done
dotnet pack src/Cli "${options[@]}" -p:PackPointer=true -o "$out"
(cd "$out" && sha256sum -- *.tar.xz *.nupkg >SHA256SUMS)
echo "$out"
