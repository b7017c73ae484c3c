#!/bin/bash
# Gets an unmodified Linux for guests, as Debian has built it: DIR/vmlinuz, and DIR/busybox for its initramfs.
#
#   tools/get-linux.sh [--no-install] DIR [PACKAGE|URL]
#
# PACKAGE is the kernel's package, a package that depends on it (default linux-image-cloud-amd64), or a regular
# expression, of which the newest package that matches is taken; URL is the address of a package. Both packages are
# downloaded and unpacked; nothing is installed, and no root is needed. What is in DIR is used again.
# Source instead: $LINUX_DIR if that is set, a directory with vmlinuz* or vmlinux, or linux-image-*.deb, and with
# busybox, or busybox-static_*.deb. If there is no Linux: prints the reason on standard error, exit status 1.
# --no-install: downloads nothing.
set -euo pipefail

download=1
if [ "${1:-}" = --no-install ]; then
    download=0
    shift
fi
[ $# = 1 ] || [ $# = 2 ] || {
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
mkdir -p "$1"
dir=$(cd "$1" && pwd) package=${2:-linux-image-cloud-amd64}

fail() {
    echo "no Linux for guests: $*" >&2
    exit 1
}
hint='give a directory by --linux-dir or LINUX_DIR'

# from_package FILE PATTERN NAME: the file of the package that matches PATTERN becomes $dir/NAME.
from_package() {
    command -v dpkg-deb >/dev/null || fail "$(basename "$1") cannot be unpacked without dpkg-deb"
    if ! dpkg-deb --fsys-tarfile "$1" 2>/dev/null | tar -xO --wildcards "$2" >"$dir/$3.new" 2>/dev/null ||
        [ ! -s "$dir/$3.new" ]; then
        fail "the package $(basename "$1") is damaged, or has no ${2#./}"
    fi
    mv "$dir/$3.new" "$dir/$3"
}

# What LINUX_DIR has, as the first file that matches.
given() {
    local file
    for file in "$LINUX_DIR"/$1; do
        [ ! -f "$file" ] || { echo "$file" && return; }
    done
    return 1
}
from_directory() {
    local file
    [ -d "$LINUX_DIR" ] || fail "there is no directory $LINUX_DIR"
    if file=$(given 'vmlinuz*') || file=$(given vmlinux); then
        cp -- "$file" "$dir/vmlinuz"
    elif file=$(given 'linux-image-*.deb'); then
        from_package "$file" './boot/vmlinuz-*' vmlinuz
    else
        fail "$LINUX_DIR has neither vmlinuz* nor vmlinux nor linux-image-*.deb"
    fi
    if file=$(given busybox); then
        cp -- "$file" "$dir/busybox"
    elif file=$(given 'busybox-static_*.deb'); then
        from_package "$file" './bin/busybox' busybox
    else
        fail "$LINUX_DIR has neither busybox nor busybox-static_*.deb"
    fi
}

own=()
apt() { # COMMAND ARGUMENTS
    local command=$1
    shift
    "$command" ${own[@]+"${own[@]}"} "$@" 2>>"$dir/apt.log"
}

# The kernel's package: what $package depends on, or the newest that matches.
kernel_package() {
    apt apt-cache depends --important "$package" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | grep . ||
        apt apt-cache pkgnames linux-image- | grep -Ex -- "$package" | sort -V | tail -n 1 | grep .
}

# Downloads NAME_*.deb into $dir.
fetch() { (cd "$dir" && rm -f -- "$1"_*.deb && apt apt-get -qq download "$1" >>apt.log); }

# From the lists of packages that apt-get knows.
fetch_both() {
    if [ ! -s "$dir/vmlinuz" ]; then
        if [[ $package == *://* ]]; then
            name=url
            /usr/lib/apt/apt-helper download-file "$package" "$dir/url_.deb" >>"$dir/apt.log" 2>&1 || return
        else
            name=$(kernel_package) && fetch "$name" || return
        fi
    fi
    [ -s "$dir/busybox" ] || fetch busybox-static
}

if [ -n "${LINUX_DIR:-}" ]; then
    from_directory
    exit
fi
[ ! -s "$dir/vmlinuz" ] || [ ! -s "$dir/busybox" ] || exit 0
[ "$download" = 1 ] || fail "$package is not in $dir, and nothing may be downloaded"
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    fail "$package cannot be downloaded without apt-get and dpkg-deb; $hint"
fi
: >"$dir/apt.log"
# In a container the lists of packages can be missing or old, and only root may fetch the system's: then others are.
if ! fetch_both; then
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    own=(-o "Dir::State::Lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt/cache")
    if ! apt apt-get -qq update >>"$dir/apt.log" || ! fetch_both; then
        reason=$(sed -n '/No packages found/d; s/^E: //p' "$dir/apt.log" | head -n 1)
        [ -n "$reason" ] || reason="the package sources have none of this name (it is one of Debian's)"
        fail "apt-get cannot download $package: $reason; $hint"
    fi
fi
if [ ! -s "$dir/vmlinuz" ]; then
    from_package "$dir/$name"_*.deb './boot/vmlinuz-*' vmlinuz
    rm -f -- "$dir/$name"_*.deb
fi
if [ ! -s "$dir/busybox" ]; then
    from_package "$dir"/busybox-static_*.deb './bin/busybox' busybox
    rm -f -- "$dir"/busybox-static_*.deb
fi
