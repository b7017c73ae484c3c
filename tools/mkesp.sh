#!/bin/bash
# Makes a FAT image that UEFI boots from, without root and without mounting: mtools writes into the file.
#
#   tools/mkesp.sh OUT.img LOADER.EFI [FILE[=NAME]...]
#
# LOADER.EFI becomes \EFI\BOOT\BOOTX64.EFI, the removable-media path that firmware tries by itself; every
# FILE goes next to it, under its own name or under NAME. The image has no partition table: firmware and
# QEMU take it as it is.
set -euo pipefail

die() {
    echo "mkesp.sh: $*" >&2
    exit 1
}

[ $# -ge 2 ] || die "usage: mkesp.sh OUT.img LOADER.EFI [FILE[=NAME]...]"
out=$1 loader=$2
shift 2
[ -f "$loader" ] || die "there is no loader '$loader'"

# A file's own name may hold a '=': the whole word is tried first.
sources=() names=()
bytes=$(stat -c %s -- "$loader")
for word in "$@"; do
    if [ -f "$word" ]; then
        source=$word name=${word##*/}
    else
        source=${word%=*} name=${word##*=}
        if [ "$source" = "$word" ] || [ ! -f "$source" ]; then
            die "there is no file '$word'"
        fi
    fi
    [[ $name =~ ^[A-Za-z0-9._-]+$ ]] || die "'$name' is no name for a file on the image (letters, digits, . _ -)"
    sources+=("$source") names+=("$name")
    bytes=$((bytes + $(stat -c %s -- "$source")))
done

# FAT32 needs 33 MiB at least; the rest is room for the FATs and the directory.
mib=$((bytes / 1048576 + bytes / 8388608 + 48))
tmp=$out.tmp.$$
trap 'rm -f -- "$tmp"' EXIT
truncate -s "${mib}M" -- "$tmp"
# A fixed serial number: the same files make the same file system.
mformat -i "$tmp" -F -v HOMESTEAD -N 486f6d65 ::
mmd -i "$tmp" ::/EFI ::/EFI/BOOT
mcopy -i "$tmp" "$loader" ::/EFI/BOOT/BOOTX64.EFI
for i in "${!sources[@]}"; do
    mcopy -i "$tmp" "${sources[$i]}" "::/EFI/BOOT/${names[$i]}"
done
mv -f -- "$tmp" "$out"
