#!/bin/bash
# Boots Homestead from UEFI in Bochs. Its SVM and nested paging are independent of QEMU's, and it checks a VMCB as
# strictly as the manual says. Takes about 25 s. Exit status 0 only if domain 0's verdict was PASS.
#
#   tools/run-bochs.sh [SECONDS]      time limit, default 200; run `make all` first
#
# UEFI in Bochs provides no ACPI tables: one node, one CPU. The run ends by UEFI's ResetSystem.
set -euo pipefail

cd "$(dirname "$(readlink -f "$0")")/.."
seconds=${1:-200}
dir=$PWD/build/run/bochs

for file in /usr/bin/bochs /usr/share/bochs/VGABIOS-lgpl-latest /usr/share/ovmf/OVMF.fd; do
    [ -e "$file" ] || {
        echo "run-bochs: $file is missing; tools/setup.sh boot bochs" >&2
        exit 6
    }
done
rm -rf "$dir"
mkdir -p "$dir"
cat > "$dir/homestead.cfg" <<'END'
[global]
default=homestead
[homestead]
options=com1=115200,8n1 loglvl=debug
kernel=homestead.elf
dom0=dom0.elf
module=guests.cpio
END
tools/mkesp.sh "$dir/esp.img" build/BOOTX64.EFI "$dir/homestead.cfg" build/homestead.elf build/guest/dom0.elf \
    build/guest/default.cpio=guests.cpio
# This CPU model has SVM and runs OVMF. One CPU: with more, OVMF divides by zero when it computes their topology.
cat > "$dir/bochsrc" <<END
display_library: rfb, options="timeout=0"
config_interface: textconfig
memory: guest=1024, host=1024
romimage: file=/usr/share/ovmf/OVMF.fd
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model=ryzen, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path=$dir/esp.img, mode=flat, cylinders=0
boot: disk
clock: sync=none, time0=local
com1: enabled=1, mode=file, dev=$dir/console
log: $dir/log
panic: action=fatal
error: action=report
speaker: enabled=0
END
echo c > "$dir/commands" # Debian's Bochs starts in its debugger: continue
: > "$dir/console"
timeout "$seconds" bochs -unlock -q -f "$dir/bochsrc" -rc "$dir/commands" > "$dir/bochs.out" 2>&1 < /dev/null || true
sed 's/\x1b\[[0-9;=?]*[A-Za-z]//g' "$dir/console" | tr -d '\r'
if grep -aq '^@verdict result=PASS' "$dir/console"; then
    printf "\nrun-bochs: PASS\n"
else
    printf "\n%s\n" "run-bochs: FAIL: no verdict PASS after $seconds s, see $dir"
    exit 1
fi
