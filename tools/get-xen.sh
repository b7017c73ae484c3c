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
beside=$(cd "$(dirname "$file")" && pwd)/xen-package

fail() {
    echo "$*" >&2
    exit 1
}

# Downloads the package into $beside. In a fresh container apt-get's lists can be missing, and only root may fetch the
# system's: then lists of our own are fetched.
fetch() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        fail "$package is not installed, and there is no apt-get to get it with"
    fi
    mkdir -p "$beside/lists/partial" "$beside/cache/archives/partial"
    cd "$beside"
    rm -f -- *.deb
    local own=(-o "Dir::State::Lists=$beside/lists" -o "Dir::Cache=$beside/cache")
    apt-get -qq download "$package" >apt.log 2>&1 ||
        { apt-get -qq "${own[@]}" update >>apt.log 2>&1 && apt-get -qq "${own[@]}" download "$package" >>apt.log 2>&1; } ||
        fail "apt-get cannot download $package: $(grep '^E: ' apt.log | tail -n 1)"
    dpkg-deb -x ./"$package"_*.deb . || fail "the package $package cannot be unpacked"
    [ -s "$image" ] || fail "the package $package has no /$image"
}

if [ -n "${XEN:-}" ]; then
    source=$XEN
    [ -r "$source" ] || fail "XEN=$source cannot be read"
elif [ -r "/$image" ]; then
    source=/$image
else
    source=$beside/$image
    if [ ! -s "$source" ]; then
        [ "$download" = 1 ] || fail "$package is not installed, and nothing may be downloaded"
        (fetch) || exit 1
    fi
fi
# -f with -c copies an uncompressed file.
gzip -dcf <"$source" >"$file.new" || fail "$source cannot be unpacked"
mv "$file.new" "$file"
