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

# shellcheck source=tools/debian-packages.sh
. "$(dirname "$0")/debian-packages.sh"

from_directory() {
    local file
    [ -d "$LINUX_DIR" ] || fail "there is no directory $LINUX_DIR"
    if file=$(first_file "$LINUX_DIR" 'vmlinuz*') || file=$(first_file "$LINUX_DIR" vmlinux); then
        cp -- "$file" "$dir/vmlinuz"
    elif file=$(first_file "$LINUX_DIR" 'linux-image-*.deb'); then
        from_package "$file" './boot/vmlinuz-*' vmlinuz
    else
        fail "$LINUX_DIR has neither vmlinuz* nor vmlinux nor linux-image-*.deb"
    fi
    if file=$(first_file "$LINUX_DIR" busybox); then
        cp -- "$file" "$dir/busybox"
    elif file=$(first_file "$LINUX_DIR" 'busybox-static_*.deb'); then
        from_package "$file" './bin/busybox' busybox
    else
        fail "$LINUX_DIR has neither busybox nor busybox-static_*.deb"
    fi
}

# From the lists of packages that apt-get knows.
fetch_both() {
    if [ ! -s "$dir/vmlinuz" ]; then
        if [[ $package == *://* ]]; then
            name=url
            /usr/lib/apt/apt-helper download-file "$package" "$dir/url_.deb" >>"$dir/apt.log" 2>&1 || return
        else
            name=$(kernel_package "$package") && fetch "$name" || return
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
with_lists fetch_both "$package"
if [ ! -s "$dir/vmlinuz" ]; then
    from_package "$dir/$name"_*.deb './boot/vmlinuz-*' vmlinuz
    rm -f -- "$dir/$name"_*.deb
fi
if [ ! -s "$dir/busybox" ]; then
    from_package "$dir"/busybox-static_*.deb './bin/busybox' busybox
    rm -f -- "$dir"/busybox-static_*.deb
fi
