#!/bin/bash
# Boots Homestead in Bochs, whose hardware virtualization is another one than QEMU's and checks a VMCB or a VMCS more
# strictly. See tools/run-bochs.sh --help.
set -euo pipefail

usage() {
    cat <<'END'
usage: tools/run-bochs.sh [options]

Boots Homestead, as built, in Bochs on an emulated machine with two nodes. Ends when domain 0's verdict or a panic is
on the console, with status 0 only if the verdict was PASS.

  --vendor intel|amd    the CPU's vendor (default amd)
  --model MODEL         Bochs' name of the CPU (default ryzen, corei7_haswell_4770)
  --cpus P:C:T          packages, cores in each, threads in each of those (default 1:1:1 for AMD, with which Bochs has
                        no more; 1:4:2 for corei7_skylake_x; 1:2:2 for other models)
  --mem MIB             memory (default 1024)
  --x2apic              the firmware leaves the boot CPU's local APIC in x2APIC mode; not with --uefi
  --uefi                boots by OVMF, GRUB and Homestead's loader, which takes longer; otherwise by Bochs' BIOS and GRUB
  --kernel FILE         the hypervisor (default build/homestead; with --uefi build/homestead.elf)
  --dom0 FILE           domain 0 (default build/guest/dom0.elf)
  --dom0-args TEXT      arguments of domain 0
  --guests DIR|FILE     domain 0's module: a directory of guests to pack, or a file as it is (default: two guests)
  --cmdline TEXT        hypervisor options, appended to the default ones
  --ips N               instructions in a second of the guest's time (default 50000000)
  --timeout SECS        ends the run after SECS seconds of wall-clock time (default 120)
  --keep DIR            leaves the console, Bochs' log and its configuration in DIR
  --help                prints this text

Exit status: 0 PASS, 1 FAIL, 2 invalid options, 3 the hypervisor panicked, 4 the run ended without a verdict,
5 timeout, 6 something is missing.
END
}

say() { echo "run-bochs: $*" >&2; }
bad_usage() {
    say "$*"
    say "see tools/run-bochs.sh --help"
    exit 2
}
# Prints the last line of a run and exits.
finish() {
    local status=$1
    shift
    echo "run-bochs: $*"
    exit "$status"
}
number() { # NAME VALUE MIN MAX
    if ! [[ $2 =~ ^[0-9]{1,10}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
        bad_usage "$1 needs a number from $3 to $4, not '$2'"
    fi
}

# --- options ----------------------------------------------------------------------------------------------

start_dir=$PWD
cd "$(dirname "$(readlink -f "$0")")/.."

vendor=amd model='' count='' mem=1024 uefi=0 x2apic=0 kernel='' dom0=build/guest/dom0.elf dom0_args='' guests=build/guest/default.cpio
cmdline='' ips=50000000 seconds=120 keep=''

absolute() { # PATH, relative to the caller's directory
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$start_dir" "$1" ;;
    esac
}
one_line() { # NAME VALUE
    [[ $2 != *$'\n'* ]] || bad_usage "$1 must be one line"
}

while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
    --uefi)
        uefi=1
        continue
        ;;
    --x2apic)
        x2apic=1
        continue
        ;;
    --help | -h)
        usage
        exit 0
        ;;
    esac
    [ $# -gt 0 ] || bad_usage "unknown option '$option', or it needs a value"
    value=$1
    shift
    case $option in
    --vendor) vendor=$value ;;
    --model) model=$value ;;
    --cpus) count=$value ;;
    --mem) number --mem "$value" 256 2048 && mem=$((10#$value)) ;;
    --kernel) kernel=$(absolute "$value") ;;
    --dom0) dom0=$(absolute "$value") ;;
    --dom0-args) one_line --dom0-args "$value" && dom0_args=$value ;;
    --guests) guests=$(absolute "$value") ;;
    --cmdline) one_line --cmdline "$value" && cmdline=$value ;;
    --ips) number --ips "$value" 1000000 1000000000 && ips=$((10#$value)) ;;
    --timeout) number --timeout "$value" 1 999999 && seconds=$((10#$value)) ;;
    --keep) keep=$(absolute "$value") ;;
    *) bad_usage "unknown option '$option'" ;;
    esac
done

case $vendor in
amd) model=${model:-ryzen} ;;
intel) model=${model:-corei7_haswell_4770} ;;
*) bad_usage "--vendor is intel or amd, not '$vendor'" ;;
esac
[[ $model =~ ^[a-z0-9_]+$ ]] || bad_usage "--model needs one of the names that bochs --help cpu prints, not '$model'"
# Of a count that is not the model's own, the topology in its CPUID is wrong.
case $vendor:$model in
amd:*) count=${count:-1:1:1} ;;
*:corei7_skylake_x) count=${count:-1:4:2} ;;
*) count=${count:-1:2:2} ;;
esac
[[ $count =~ ^([1-8]):([1-8]):([12])$ ]] || bad_usage "--cpus needs P:C:T, not '$count'"
cpus=$((BASH_REMATCH[1] * BASH_REMATCH[2] * BASH_REMATCH[3]))
((uefi == 0 || x2apic == 0)) || bad_usage "--x2apic is not for --uefi"
((cpus <= 8)) || bad_usage "--cpus $count are more than 8"
[ -n "$kernel" ] || kernel=build/homestead$([ "$uefi" = 0 ] || echo .elf)

firmware=/usr/share/bochs/BIOS-bochs-latest platform=i386-pc
[ "$uefi" = 0 ] || firmware=/usr/share/ovmf/OVMF.fd platform=x86_64-efi
for file in /usr/bin/bochs /usr/share/bochs/VGABIOS-lgpl-latest "$firmware" /usr/bin/grub-mkimage \
    "/usr/lib/grub/$platform/acpi.mod" /usr/bin/mformat; do
    [ -e "$file" ] || finish 6 "FAIL: $file is missing: tools/setup.sh bochs"
done
for file in "$kernel" "$dom0" $([ "$uefi" = 0 ] || echo build/BOOTX64.EFI); do
    [ -f "$file" ] || finish 6 "FAIL: there is no $file: make all"
done
[ -d "$guests" ] || [ -f "$guests" ] || bad_usage "there is no directory or file '$guests'"

# --- the disk ---------------------------------------------------------------------------------------------

mkdir -p build/run
dir=$PWD/$(mktemp -d build/run/bochs-XXXXXX)
bochs='' shown=''
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
    [ -z "$bochs" ] || kill -9 "$bochs" 2>/dev/null || true
    if [ -n "$shown" ]; then
        exec 4>&- # the end of what it reads
        wait "$shown" || true
    fi
    [ -z "$keep" ] || { mkdir -p "$keep" && cp -f -- "$dir/console" "$dir/log" "$dir/bochsrc" "$keep/"; } || true
    rm -rf -- "$dir"
}
trap cleanup EXIT

if [ -d "$guests" ]; then
    (cd -- "$guests" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc) >"$dir/guests.cpio"
else
    cp -- "$guests" "$dir/guests.cpio"
fi
options="com1=115200,8n1 console=com1 loglvl=info${cmdline:+ $cmdline}"
files=("$dir/srat.aml" "$dir/slit.aml" "$kernel=homestead.elf" "$dom0=dom0.elf" "$dir/guests.cpio")
if [ "$uefi" = 0 ]; then
    python3 tools/bochs-tables.py "$dir" "$cpus" "$mem"
    # In single quotes GRUB takes every character as it is but that one.
    quoted() {
        local word words
        read -ra words <<<"$1"
        for word in ${words[@]+"${words[@]}"}; do printf " '%s'" "${word//"'"/"'\\''"}"; done
    }
    cat >"$dir/grub.cfg" <<END
serial
terminal_output serial
set root=(hd0,msdos1)
acpi /srat.aml /slit.aml
multiboot /homestead.elf$(quoted "$options")
module /dom0.elf$(quoted "$dom0_args")
module /guests.cpio
END
    modules=(biosdisk serial multiboot)
    if [ "$x2apic" = 1 ]; then # IA32_APIC_BASE: on, in x2APIC mode, boot CPU
        echo wrmsr 0x1b 0xfee00d00 >>"$dir/grub.cfg"
        modules+=(wrmsr)
    fi
    echo boot >>"$dir/grub.cfg"
else
    python3 tools/bochs-tables.py "$dir" "$cpus" "$mem" --uefi
    cat >"$dir/grub.cfg" <<END
set root=(hd0,msdos1)
acpi /dsdt.aml /facp.aml /apic.aml /srat.aml /slit.aml
chainloader /EFI/BOOT/homestead.efi
boot
END
    cat >"$dir/homestead.cfg" <<END
[global]
default=homestead
[homestead]
options=$options
kernel=homestead.elf
dom0=dom0.elf${dom0_args:+ $dom0_args}
module=guests.cpio
END
    modules=(chain)
    files+=("$dir/dsdt.aml" "$dir/facp.aml" "$dir/apic.aml" "$dir/homestead.cfg" build/BOOTX64.EFI=homestead.efi)
fi
grub-mkimage -O "$platform" -o "$dir/grub" -p /nowhere -c "$dir/grub.cfg" part_msdos fat acpi boot "${modules[@]}"

# A partition with a FAT from 1 MiB on. BIOS: GRUB's first sector is the disk's, the rest follows it.
bytes=0
for word in "${files[@]}"; do bytes=$((bytes + $(stat -c %s -- "${word%=*}"))); done
mib=$((bytes / 1048576 + bytes / 8388608 + 48)) # FAT32 needs at least 33
disk=$dir/disk.img
truncate -s "$((mib + 1))M" "$disk"
put() { dd of="$disk" bs=1 seek="$1" conv=notrunc status=none; }
little_endian() { for shift in 0 8 16 24; do printf '%b' "\\x$(printf %02x $(($1 >> shift & 255)))"; done; }
if [ "$uefi" = 0 ]; then
    head -c 440 /usr/lib/grub/i386-pc/boot.img | put 0
    dd if="$dir/grub" of="$disk" bs=512 seek=1 conv=notrunc status=none
fi
{
    printf '\x80\xfe\xff\xff\x0c\xfe\xff\xff' # to be booted, FAT32; the CHS fields are the largest there are
    little_endian 2048
    little_endian $((mib * 2048))
} | put 446
printf '\x55\xaa' | put 510
fat=$disk@@1M
mformat -i "$fat" -F -v HOMESTEAD -N 486f6d65 -T $((mib * 2048)) -h 16 -s 63 -H 2048 ::
to=::/
if [ "$uefi" = 1 ]; then
    mmd -i "$fat" ::/EFI ::/EFI/BOOT
    mcopy -i "$fat" "$dir/grub" ::/EFI/BOOT/BOOTX64.EFI
    mcopy -i "$fat" "$dir"/*.aml ::/
    to=::/EFI/BOOT/
fi
for word in "${files[@]}"; do
    name=${word##*=}
    mcopy -i "$fat" -- "${word%=*}" "$to${name##*/}"
done

# --- run --------------------------------------------------------------------------------------------------

# MSR 0x179, which CPUID announces, is missing in Bochs: ignore_bad_msrs. rfb waits for no viewer.
cat >"$dir/bochsrc" <<END
display_library: rfb, options="timeout=0"
config_interface: textconfig
memory: guest=$mem, host=$mem
romimage: file=$firmware
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model=$model, count=$count, ips=$ips, reset_on_triple_fault=0, ignore_bad_msrs=1
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path=$disk, mode=flat, cylinders=0
boot: disk
clock: sync=none, time0=utc
com1: enabled=1, mode=file, dev=$dir/console
log: $dir/log
panic: action=fatal
error: action=report
speaker: enabled=0
END
echo c >"$dir/commands" # Debian's Bochs starts in its debugger: continue
: >"$dir/console"
: >"$dir/log"
# Without escape sequences and carriage returns.
exec 4> >(exec sed -u 's/\x1b\[[0-9;=?]*[A-Za-z]//g; s/\r//g')
shown=$!
bochs -unlock -q -f "$dir/bochsrc" -rc "$dir/commands" >"$dir/out" 2>&1 </dev/null 4>&- &
bochs=$!

# A panic does not end Bochs, nor does a machine that has halted: this does.
has() { grep -qa "$1" "$dir/console"; }
exec 3<"$dir/console"
deadline=$((SECONDS + seconds)) why='' cpu_time=0
while [ -z "$why" ]; do
    sleep 0.2
    cat <&3 >&4
    now=$(awk '{ print ($14 + $15) / 100 }' "/proc/$bochs/stat" 2>/dev/null) || true
    cpu_time=${now:-$cpu_time} # it may have ended
    if has '^@end ' || has '^@panic '; then
        why=end
    elif tail -n 20 "$dir/log" | grep -qa '>>PANIC<<'; then
        why=bochs
    elif ! kill -0 "$bochs" 2>/dev/null; then
        why=gone
    elif ((SECONDS >= deadline)); then
        why=timeout
    fi
done
sleep 0.3 # the words after @end
kill -9 "$bochs" 2>/dev/null || true
wait "$bochs" 2>/dev/null || true
bochs=''
cat <&3 >&4
exec 4>&-
wait "$shown" || true
shown=''

echo
echo "run-bochs: $model $count, $(printf '%.1f' "${cpu_time:-0}") s of CPU time"
! has '^@panic ' || finish 3 "FAIL: the hypervisor panicked"
case $why in
bochs) finish 4 "FAIL: Bochs stopped: $(sed -n 's/.*>>PANIC<< *//p' "$dir/log" | head -n 1)" ;;
gone) finish 4 "FAIL: Bochs ended: $(tail -n 1 "$dir/out")" ;;
timeout) finish 5 "FAIL: timeout after $seconds s" ;;
esac
has '^@verdict result=FAIL' && finish 1 "FAIL: domain 0's verdict"
if ! has '^@verdict result=PASS' || ! has '^@end how=poweroff'; then finish 4 "FAIL: the run ended without a verdict"; fi
degraded=$(sed -n 's/\r$//; s/^@verdict result=PASS degraded=//p' "$dir/console")
finish 0 "PASS${degraded:+, degraded: $degraded}"
