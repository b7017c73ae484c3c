#!/bin/bash
# Writes Debian's Xen 4.17 to FILE, decompressed, for QEMU's -kernel.
#
#   tools/get-xen.sh [--no-install] FILE
#
# Source: $XEN if that is set (the hypervisor, gzipped or not); else /boot if xen-hypervisor-4.17-amd64 is installed; else
# that package, downloaded and unpacked beside FILE (installing it would add an entry to this machine's boot menu).
# Needs no root. If there is no Xen: prints the reason on standard error, exit status 1. --no-install: downloads nothing.
set -euo pipefail

package=xen-hypervisor-4.17-amd64 image=boot/xen-4.17-amd64.gz
download=1
if [ "${1:-}" = --no-install ]; then
    download=0
    shift
fi
[ $# = 1 ] || {
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
file=$1
mkdir -p "$(dirname "$file")"
dir=$(cd "$(dirname "$file")" && pwd)/xen-package hint='or name another by XEN'

fail() {
    echo "$*" >&2
    exit 1
}

# shellcheck source=tools/debian-packages.sh
. "$(dirname "$0")/debian-packages.sh"

fetch_xen() { fetch "$package"; }

if [ -n "${XEN:-}" ]; then
    source=$XEN
    [ -r "$source" ] || fail "XEN=$source cannot be read"
elif [ -r "/$image" ]; then
    source=/$image
else
    source=$dir/xen.gz
    if [ ! -s "$source" ]; then
        [ "$download" = 1 ] || fail "$package is not installed, and nothing may be downloaded"
        mkdir -p "$dir"
        with_lists fetch_xen "$package"
        from_package "$(first_file "$dir" "${package}_*.deb")" "./$image" xen.gz
    fi
fi
# -f with -c copies an uncompressed file.
gzip -dcf <"$source" >"$file.new" || fail "$source cannot be unpacked"
mv "$file.new" "$file"
