#!/bin/bash
# Gets Debian's Linux and Debian's tools of Xen for domain 0, as Debian has built them:
#
#   tools/get-linux-dom0.sh [--no-install] [--libvirt] DIR
#
# DIR/vmlinux is the kernel of linux-image-amd64, DIR/root what its initramfs takes from packages: xl, xenstored,
# xenconsoled and the like with the libraries that they need, busybox, the kernel's Xen modules, and GRUB for a guest.
# DIR/packages are the packages. Nothing is installed, and no root is needed. What is in DIR is used again, unless
# $LINUX_DOM0_DIR is set: a directory like DIR/packages, instead of the network. If something cannot be had: prints the
# reason on standard error, exit status 1. --no-install: downloads nothing. --libvirt: DIR/root has libvirt and virsh, too.
set -euo pipefail

download=1
if [ "${1:-}" = --no-install ]; then
    download=0
    shift
fi
libvirt=0
if [ "${1:-}" = --libvirt ]; then
    libvirt=1
    shift
fi
[ $# = 1 ] || {
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

fail() {
    echo "no Linux for domain 0: $*" >&2
    exit 1
}
hint='give a directory with the packages by --linux-dom0-dir or LINUX_DOM0_DIR'
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tools/debian-packages.sh
. "$here/debian-packages.sh"

mkdir -p "$1/packages"
top=$(cd "$1" && pwd) dir=$top/packages
readelf=${CROSS_COMPILE:-x86_64-linux-gnu-}readelf

KERNEL=linux-image-amd64
# What has the programs; the libraries' packages are those that these depend on.
PACKAGES=(xen-utils-4.17 xen-utils-common xenstore-utils busybox-static grub-xen-host)
XEN=usr/lib/xen-4.17/bin
PROGRAMS=("$XEN"/{xl,xenstored,xenconsoled,xenconsole,xen-init-dom0,xenstore-control,xen-hvmctx} usr/bin/xenstore)
# What the C library opens by name, to end a thread.
OPENED=(libgcc_s.so.1)
# What programs of toolstack/ need besides.
TOOLSTACK=(libm.so.6)
DATA=(bin/busybox etc/xen/xl.conf usr/lib/grub-xen/grub-i386-xen_pvh.bin)
MODULES=(xen-{privcmd,evtchn,gntdev,gntalloc}.ko xenfs.ko)
TREES=()
if [ "$libvirt" = 1 ]; then
    PACKAGES+=(libvirt-daemon libvirt-daemon-driver-xen libvirt-clients)
    PROGRAMS+=(usr/sbin/libvirtd usr/bin/virsh usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_libxl.so)
    TREES+=(usr/share/libvirt/cpu_map)
fi
# Another one may be at work there.
exec 9>"$top/lock"
flock 9
RECIPE=$(cat "$0" "$here/debian-packages.sh" | cksum)" $libvirt"

[ -n "${LINUX_DOM0_DIR:-}" ] || [ ! -s "$top/vmlinux" ] || [ "$(cat "$top/recipe" 2>/dev/null)" != "$RECIPE" ] || exit 0
rm -rf -- "$top/recipe" "$top/root" "$top/unpacked"
command -v "$readelf" >/dev/null || fail "there is no $readelf, which finds the libraries of a program: tools/setup.sh linux-dom0"

# get PACKAGE...: they are in $dir afterwards.
get() {
    local name file missing=()
    for name in "$@"; do
        if [ -n "${LINUX_DOM0_DIR:-}" ]; then
            file=$(first_file "$LINUX_DOM0_DIR" "${name}_*.deb") || fail "$LINUX_DOM0_DIR has no ${name}_*.deb"
            [ "$(dpkg-deb -f "$file" Package 2>/dev/null)" = "$name" ] || fail "$file is not the package $name, or damaged"
            [ "$file" -ef "$dir/$(basename "$file")" ] || cp -- "$file" "$dir/"
        else
            first_file "$dir" "${name}_*.deb" >/dev/null || missing+=("$name")
        fi
    done
    [ ${#missing[@]} = 0 ] || fetch "${missing[@]}"
}

# damaged FILE SENTENCE: the next run shall not take it again.
damaged() {
    rm -f -- "$1"
    fail "$2"
}

unpack() { # PACKAGE...
    local name file
    for name in "$@"; do
        file=$(first_file "$dir" "${name}_*.deb")
        dpkg-deb -x "$file" "$top/unpacked" || damaged "$file" "the package $name cannot be unpacked"
    done
}

# The libraries that a program or library needs, by name.
needed() { "$readelf" -d "$@" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u; }

# library NAME: where it is, below $top/unpacked.
library() { (cd "$top/unpacked" && find lib lib64 usr/lib -path '*/python*' -prune -o -name "$1" -print 2>/dev/null | head -n 1 | grep .); }

# Copies the files, and the libraries that they need, to $top/root. Status 1: there is no such library yet.
take_programs() {
    local file name todo=("$@") known=' '
    cd "$top/unpacked"
    for name in "${OPENED[@]}" "${TOOLSTACK[@]}"; do
        todo+=("$(library "$name")") || return
    done
    while [ ${#todo[@]} -gt 0 ]; do
        file=${todo[0]} todo=("${todo[@]:1}")
        [ -e "$file" ] || fail "the packages have no /$file"
        mkdir -p "$top/root/$(dirname "$file")"
        cp -L -- "$file" "$top/root/$file"
        for name in $(needed "$file"); do
            [[ $known != *" $name "* ]] || continue
            known+="$name "
            todo+=("$(library "$name")") || return
        done
    done
}

# The libraries' packages that these depend on and that are not unpacked.
libraries_of() {
    local name
    for name in "$@"; do
        dpkg-deb -f "$(first_file "$dir" "${name}_*.deb")" Depends
    done | tr ',' '\n' | sed 's/^ *//; s/[ (:].*//' | grep -E '^(lib|zlib)' | sort -u | while read -r name; do
        [[ " ${unpacked[*]} " == *" $name "* ]] || echo "$name"
    done
}

get_programs() {
    local level=("${PACKAGES[@]}")
    unpacked=()
    rm -rf -- "$top/unpacked" "$top/root"
    mkdir -p "$top/unpacked" "$top/root"
    while [ ${#level[@]} -gt 0 ]; do
        get "${level[@]}" || return
        unpack "${level[@]}"
        unpacked+=("${level[@]}")
        ! (take_programs "${PROGRAMS[@]}") || return 0
        mapfile -t level < <(libraries_of "${level[@]}")
    done
    fail "no package has all libraries of ${PROGRAMS[*]}"
}

get_all() {
    if [ -n "${LINUX_DOM0_DIR:-}" ]; then
        [ -d "$LINUX_DOM0_DIR" ] || fail "there is no directory $LINUX_DOM0_DIR"
        kernel=$(first_file "$LINUX_DOM0_DIR" 'linux-image-[0-9]*-amd64_*.deb') || fail "$LINUX_DOM0_DIR has no linux-image-*-amd64_*.deb"
        kernel=$(basename "$kernel") kernel=${kernel%%_*} # the directory may have a _, too
    else
        kernel=$(kernel_package "$KERNEL") || return
    fi
    get "$kernel" && get_programs
}

# What is there without a download.
if [ -z "${LINUX_DOM0_DIR:-}" ] && [ "$download" = 0 ]; then
    first_file "$dir" 'linux-image-[0-9]*-amd64_*.deb' >/dev/null ||
        fail "$KERNEL and ${PACKAGES[0]} are not in $top, and nothing may be downloaded"
    LINUX_DOM0_DIR=$dir
fi
if [ -n "${LINUX_DOM0_DIR:-}" ]; then
    get_all
else
    with_lists get_all "$KERNEL or ${PACKAGES[0]}"
fi

root=$top/root
for file in "${DATA[@]}"; do
    install -D "$top/unpacked/$file" "$root/$file" || fail "the packages have no /$file"
done
for tree in ${TREES[@]+"${TREES[@]}"}; do
    mkdir -p "$root/$tree"
    cp -R -- "$top/unpacked/$tree/." "$root/$tree/" || fail "the packages have no /$tree"
done
# The program's interpreter has this name.
install -D "$top/unpacked/$(library ld-linux-x86-64.so.2)" "$root/lib64/ld-linux-x86-64.so.2"

package=$(first_file "$dir" "${kernel}_*.deb")
mkdir -p "$root/lib/modules" "$top/unpacked/kernel"
dpkg-deb --fsys-tarfile "$package" | tar -x -C "$top/unpacked/kernel" --wildcards './boot/vmlinuz-*' "${MODULES[@]/#/*/}" ||
    damaged "$package" "the package $kernel is damaged, or has no kernel with the modules ${MODULES[*]}"
for name in "${MODULES[@]}"; do
    install -m 644 "$(find "$top/unpacked/kernel" -name "$name")" "$root/lib/modules/"
done
cp -- "$(first_file "$top/unpacked/kernel/boot" 'vmlinuz-*')" "$top/vmlinuz"
"$here/extract-kernel.sh" "$top/vmlinuz" "$top/vmlinux" || fail "the kernel of $kernel cannot be extracted"
rm -rf -- "$top/unpacked"
echo "$RECIPE" >"$top/recipe"
