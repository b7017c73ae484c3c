#!/bin/bash
# Extracts the ELF file of a Linux kernel from its bzImage: Homestead starts a domain 0 from an ELF file only.
#
#   tools/extract-kernel.sh VMLINUZ VMLINUX
#
# VMLINUZ is a bzImage as Debian has it in /boot, VMLINUX becomes the ELF file in it, every byte. What unpacks it is the
# program for its format, of Debian's package of the same name: gzip, xz (xz-utils), lz4, zstd, bzip2 or lzop. A VMLINUZ
# that is an ELF file already is copied. After an error, exit status 1, VMLINUX is as it was.
set -euo pipefail

fail() {
    echo "extract-kernel: $*" >&2
    exit 1
}
[ $# = 2 ] || {
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
from=$1 to=$2
[ -f "$from" ] || fail "there is no file $from"
[ -r "$from" ] || fail "$from cannot be read"
[ -d "$(dirname -- "$to")" ] || fail "there is no directory for $to"

size=$(stat -Lc %s -- "$from")
# number OFFSET BYTES: the little-endian number there; 0 where the file has ended.
number() {
    local value
    value=$(od -An "-tu$2" -j "$1" -N "$2" --endian=little -- "$from" 2>/dev/null | tr -d ' \n') || true
    echo "${value:-0}"
}
# bytes OFFSET COUNT FILE: in hexadecimal digits.
bytes() { od -An -tx1 -j "$1" -N "$2" -- "$3" 2>/dev/null | tr -d ' \n' || true; }

new=$(mktemp -- "$to.XXXXXX") || fail "$to cannot be written"
trap 'rm -f -- "$new"' EXIT
finish() {
    chmod 644 -- "$new"
    mv -- "$new" "$to"
    trap - EXIT
    exit 0
}
ELF=7f454c46

if [ "$(bytes 0 4 "$from")" = $ELF ]; then
    cp -- "$from" "$new" || fail "$to cannot be written"
    finish
fi

# Linux: Documentation/arch/x86/boot.rst. Before protocol 2.08 the header does not say where the payload is.
[ "$(bytes 514 4 "$from")" = 48647253 ] || fail "$from is neither a bzImage nor an ELF file"
protocol=$(number 518 2)
((protocol >= 0x208)) || fail "$from has a boot protocol before 2.08 (Linux 2.6.26), and does not say where its kernel is"
sectors=$(number 497 1)
((sectors)) || sectors=4
offset=$(number 584 4) length=$(number 588 4)
start=$(((sectors + 1) * 512 + offset)) end=$(((sectors + 1) * 512 + offset + length))
((offset && length > 8)) || fail "$from has no kernel in it"
((end <= size)) || fail "$from is cut short: its kernel ends at byte $end, the file at $size"

# After what the program has written, Linux's build puts the size of the ELF file. gzip has it there by itself.
behind=4
case $(bytes "$start" 6 "$from") in
1f8b*) name=gzip behind=0 program=(gzip -dc) ;;
fd377a585a00) name=xz program=(xz -dc) ;;
5d0000*) name=lzma program=(xz --format=lzma -dc) ;;
02214c18*) name=lz4 program=(lz4 -dc) ;;
28b52ffd*) name=zstd program=(zstd -dcq --memory=2048MB) ;;
425a68*) name=bzip2 program=(bzip2 -dc) ;;
894c5a4f*) name=lzop program=(lzop -dc) ;;
7f454c46*) name=ELF behind=0 program=(cat) ;;
*) fail "$from has a kernel in a format that is not known" ;;
esac
package=${program[0]}
[ "$package" != xz ] || package=xz-utils
command -v "${program[0]}" >/dev/null || fail "$from is packed by $name, and there is no ${program[0]}: apt-get install $package"

if ! head -c "$((end - behind))" -- "$from" | tail -c "+$((start + 1))" | "${program[@]}" >"$new" 2>"$new.log"; then
    reason=$(head -n 1 "$new.log")
    rm -f -- "$new.log"
    fail "$from is damaged, or $to cannot be written: ${reason:-${program[0]} failed}"
fi
rm -f -- "$new.log"
[ "$(bytes 0 4 "$new")" = $ELF ] || fail "$from has a kernel that is no ELF file"
got=$(stat -c %s -- "$new") wanted=$(number $((end - 4)) 4)
[ $name = ELF ] || ((got == wanted)) || fail "$from is damaged: $got bytes came out, $wanted should have"
finish
