#!/bin/bash
# Makes the initramfs of a Linux domain 0 for ./run-qemu.sh --linux-dom0.
#
#   tools/linux-dom0.sh PACKAGES LINUX FILE
#
# PACKAGES is the directory that tools/get-linux-dom0.sh has filled, LINUX that of tools/get-linux.sh, whose kernel the
# guests have. FILE becomes the initramfs: what is in PACKAGES/root, guest/linux-dom0/ with the guests' configurations, what
# the guests boot, and the tools of toolstack/ if they are built.
set -euo pipefail

fail() {
    echo "domain 0's initramfs: $*" >&2
    exit 1
}
[ $# = 3 ] || fail "PACKAGES, LINUX and FILE are needed"
packages=$1 linux=$2 file=$3
here=$(cd "$(dirname "$0")" && pwd)
src=$here/../guest/linux-dom0 built=$here/../build
for needed in "$packages/vmlinux" "$packages/root/bin/busybox" "$built/guest/test.elf"; do
    [ -s "$needed" ] || fail "there is no $needed"
done

root=$(mktemp -d)
trap 'rm -rf -- "$root"' EXIT
cp -a -- "$packages/root/." "$root/"
mkdir -p "$root/dom0" "$root/guests"
install -m 755 "$src/init" "$root/init"
install -m 755 "$built/guest/linux-probe" "$root/bin/probe"
install -m 755 "$src/checks" "$root/dom0/checks"
install -m 644 "$src/profile" "$src/../linux/words" "$root/dom0/"
# Domain 0 keeps its memory, which is all that its initramfs has.
echo 'autoballoon="off"' >>"$root/etc/xen/xl.conf"
# One program with the name of what it does.
for name in chmod exists list ls read rm watch write; do
    ln -s xenstore "$root/usr/bin/xenstore-$name"
done

"$here/linux-guests.sh" "$linux" "$root/guests"
mv "$root/usr/lib/grub-xen/grub-i386-xen_pvh.bin" "$root/guests/grub-pvh"
"${CROSS_COMPILE:-x86_64-linux-gnu-}objcopy" --strip-all "$built/guest/test.elf" "$root/guests/test.elf"
install -m 644 "$src"/guests/*.cfg "$root/guests/"
for tool in hsctl ocaml-builder claim-example; do
    [ ! -x "$built/toolstack/$tool" ] || install -m 755 -s "$built/toolstack/$tool" "$root/usr/bin/"
done
[ ! -e "$built/toolstack/libhomestead.so.1" ] || install -s "$built/toolstack/libhomestead.so.1" "$root/usr/lib/x86_64-linux-gnu/"
# Not compressed: that would only cost it time.
(cd "$root" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$file"
