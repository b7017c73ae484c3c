#!/bin/bash
# Makes a FAT image for UEFI with mtools: needs neither root nor a mount.
#
#   tools/mkesp.sh [--startup FILE] OUT.img LOADER.EFI [FILE[=NAME]...]
#
# LOADER.EFI becomes \EFI\BOOT\BOOTX64.EFI, the path that firmware tries on removable media. Each FILE is copied
# next to it, as NAME or under its own name. The image has no partition table; firmware and QEMU accept that.
# --startup: FILE is a script for UEFI's shell, which starts because the loader is \EFI\BOOT\homestead.efi instead.
set -euo pipefail

die() {
    echo "mkesp.sh: $*" >&2
    exit 1
}

startup='' loader_name=BOOTX64.EFI
if [ "${1-}" = --startup ] && [ $# -ge 2 ]; then
    startup=$2 loader_name=homestead.efi
    shift 2
fi
[ $# -ge 2 ] || die "usage: mkesp.sh [--startup FILE] OUT.img LOADER.EFI [FILE[=NAME]...]"
out=$1 loader=$2
shift 2
[ -f "$loader" ] || die "there is no loader '$loader'"

# A file name can contain '=': the whole word is tried first.
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
    [[ $name =~ ^[A-Za-z0-9._-]+$ ]] || die "'$name' is not a valid file name on the image (letters, digits, . _ -)"
    sources+=("$source") names+=("$name")
    bytes=$((bytes + $(stat -c %s -- "$source")))
done

# FAT32 needs at least 33 MiB; the rest is for the FATs and the directory.
mib=$((bytes / 1048576 + bytes / 8388608 + 48))
tmp=$out.tmp.$$
trap 'rm -f -- "$tmp"' EXIT
truncate -s "${mib}M" -- "$tmp"
# The serial number is fixed, so that the same files give the same image.
mformat -i "$tmp" -F -v HOMESTEAD -N 486f6d65 ::
mmd -i "$tmp" ::/EFI ::/EFI/BOOT
mcopy -i "$tmp" "$loader" "::/EFI/BOOT/$loader_name"
[ -z "$startup" ] || mcopy -i "$tmp" "$startup" ::/startup.nsh
for i in "${!sources[@]}"; do
    mcopy -i "$tmp" "${sources[$i]}" "::/EFI/BOOT/${names[$i]}"
done
mv -f -- "$tmp" "$out"
