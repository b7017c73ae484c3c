#!/bin/bash
# Installs what is missing, builds Homestead, and boots it in QEMU. See ./run-qemu.sh --help.
# lint: long: a fourth of it is the text of --help.
set -euo pipefail

usage() {
    cat <<'END'
usage: ./run-qemu.sh [options] [-- QEMU-ARGUMENTS...]

Builds Homestead and boots it in QEMU on an emulated NUMA machine. Ends with status 0 only if
domain 0's verdict was PASS.

The machine
  --nodes N             number of NUMA nodes, 0 to 64; 0: no NUMA description (default 2)
  --cpus N              number of CPUs, 1 to 255, distributed over the nodes (default 4)
  --mem SIZE            memory, distributed over the nodes: 2G, 512M (default 2G); can be more than the host
                        has if --cmdline idle-scrub=off is given
  --node-mem S,S,...    memory of each node; 0: a node with CPUs only. Example: 1G,512M,0
  --node-cpus N,N,...   CPUs of each node; 0: a node with memory only. Example: 2,2,0
                        Each list sets the number of nodes. 4x512M and 3x2 repeat a value
  --interleave          deals CPUs to the nodes in turn (CPU 0 to node 0, CPU 1 to node 1, ...), not in blocks
  --topology S,C,T      S sockets of C cores of T threads; APIC ids have gaps if C or T is no power of two
  --dist A,B,VAL        distance from node A to node B, 11 to 255, and back if that is not given (repeatable);
                        other pairs have 20
  --hmat                adds an HMAT: latency and bandwidth that follow the distances
  --hotplug SIZE        adds a memory hot-plug window to the SRAT, on the last node
  --nvdimm SIZE         adds an NVDIMM in a hot-plug window, on the last node
  --acpi-table FILE     adds a raw ACPI table (repeatable); an SRAT or SLIT sets --nodes to 0
  --icount              one TSC tick for each instruction: runs are reproducible, and slower
  --one-thread          runs all CPUs on one thread of QEMU, the default for up to 4 CPUs; see docs/hypervisor-guide/testing.md
  --threads             one thread for each CPU: faster for many CPUs, but QEMU 7.2 can corrupt a guest on CPU 0

What is booted
  --direct              boots by QEMU's own Multiboot loader, without UEFI: faster
  --linux               guests that are Debian's Linux, one a node and one over two nodes, and a shell in the first one.
                        Downloads linux-image-cloud-amd64 and busybox-static by apt-get, once; installs neither
  --linux-dom0          domain 0 is Debian's Linux with Debian's xl, and gives a shell: xl list, xl create. Downloads
                        linux-image-amd64, xen-utils-4.17 and their like as --linux does
  --test                with --linux: each guest checks itself and powers off; no shell. With --linux-dom0: domain 0
                        runs its checks (guest/linux-dom0/checks)
  --linux-dir DIR       with --linux: downloads nothing; DIR has vmlinuz* or linux-image-*.deb, and busybox or
                        busybox-static_*.deb. The same as LINUX_DIR=DIR in the environment
  --linux-dom0-dir DIR  with --linux-dom0: downloads nothing for domain 0; DIR has the packages. The same as
                        LINUX_DOM0_DIR=DIR in the environment
  --guests DIR|CPIO     guests for domain 0: a directory to pack, or a newc cpio archive (default: two guests)
  --dom0 FILE           domain 0 (default build/guest/dom0.elf); a FILE in build/ is built first
  --cmdline TEXT        hypervisor options, appended to the default ones
  --dom0-args TEXT      arguments of domain 0
  --boot-config FILE    uses FILE as homestead.cfg, without --cmdline and --dom0-args (UEFI only). It may name
                        homestead.elf, dom0.elf (of --dom0), default.cpio (the default guests), guests.cpio (of
                        --guests)
  --load-options TEXT   starts the loader from UEFI's shell with TEXT as its load options: [-cfg=FILE] [SECTION]
                        [-- OPTIONS] (UEFI only; repeatable: the next TEXT if the loader gives up)
  --esp FILE            boots FILE, an image of a disk, by UEFI; nothing else of this group applies

How it is run
  --guest-logs DIR      writes what each guest prints to DIR/NAME.log
  --timeout SECS        ends the run after SECS seconds of wall-clock time (default 120; with --linux or --linux-dom0
                        none, 600 with --test)
  --gdb                 waits for gdb on port 1234; no timeout
  --no-install          does not install missing packages: lists them and stops; downloads nothing either
  --no-build            uses build/ as is
  --dry-run             prints the QEMU command and does nothing else
  --help                prints this text

Exit status: 0 PASS, 1 FAIL, 2 invalid options, 3 the hypervisor panicked, 4 the run ended without a verdict,
5 timeout, 6 something is missing or does not build.
END
}

say() { echo "run-qemu: $*" >&2; }
bad_usage() {
    say "$*"
    say "see ./run-qemu.sh --help"
    exit 2
}
# Prints the last line of a run and exits.
finish() {
    local status=$1
    shift
    echo "run-qemu: $*"
    exit "$status"
}

# --- options ----------------------------------------------------------------------------------------------

start_dir=$PWD
cd "$(dirname "$(readlink -f "$0")")"

nodes=2 cpus=4 mem=2G timeout_secs='' linux=0 linux_dom0=0 linux_test=0 guest_logs=''
direct=0 icount=0 one_thread=auto gdb=0 dry_run=0 install=1 build=1 nodes_given=0
esp='' guests='' cmdline='' dom0=build/guest/dom0.elf dom0_args='' boot_config=''
node_mem='' node_cpus='' topology='' hotplug='' nvdimm='' hmat=0 interleave=0 cpus_given=0 mem_given=0
dists=() tables=() load_options=() qemu_more=()

number() { # NAME VALUE MIN MAX
    [[ $2 =~ ^[0-9]{1,6}$ ]] || bad_usage "$1 needs a number, not '$2'"
    ((10#$2 >= $3 && 10#$2 <= $4)) || bad_usage "$1 needs a number from $3 to $4, not $2"
}

# A path from the command line, relative to the caller's directory.
absolute() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$start_dir" "$1" ;;
    esac
}

one_line() { # NAME VALUE
    [[ $2 != *$'\n'* && $2 != *$'\r'* ]] || bad_usage "$1 must be one line"
}

# Does the option take a value?
has_value() {
    case $1 in
    --nodes | --cpus | --mem | --node-mem | --node-cpus | --topology | --dist | --hotplug | --nvdimm | --guests) ;;
    --acpi-table | --cmdline | --dom0 | --dom0-args | --esp | --boot-config | --load-options | --linux-dir) ;;
    --timeout | --guest-logs | --linux-dom0-dir) ;;
    *) return 1 ;;
    esac
}

while [ $# -gt 0 ]; do
    option=$1
    shift
    if has_value "$option"; then
        [ $# -gt 0 ] || bad_usage "$option needs a value"
        value=$1
        shift
    elif [[ $option == --*=* ]]; then
        has_value "${option%%=*}" || bad_usage "option '${option%%=*}' is unknown or takes no value"
        set -- "${option%%=*}" "${option#*=}" "$@"
        continue
    fi
    case $option in
    --nodes) number --nodes "$value" 0 64 && nodes=$((10#$value)) nodes_given=1 ;;
    --cpus) number --cpus "$value" 1 255 && cpus=$((10#$value)) cpus_given=1 ;;
    --mem) mem=$value mem_given=1 ;;
    --node-mem) node_mem=${value:-,} ;;
    --node-cpus) node_cpus=${value:-,} ;;
    --interleave) interleave=1 ;;
    --topology) topology=$value ;;
    --hmat) hmat=1 ;;
    --hotplug) hotplug=$value ;;
    --nvdimm) nvdimm=$value ;;
    --dist) dists+=("$value") ;;
    --acpi-table) tables+=("$(absolute "$value")") ;;
    --icount) icount=1 ;;
    --one-thread) one_thread=1 ;;
    --threads) one_thread=0 ;;
    --direct) direct=1 ;;
    --guests) guests=$(absolute "$value") ;;
    --linux) linux=1 ;;
    --linux-dom0) linux_dom0=1 ;;
    --test) linux_test=1 ;;
    --linux-dir) LINUX_DIR=$(absolute "$value") && export LINUX_DIR ;;
    --linux-dom0-dir) LINUX_DOM0_DIR=$(absolute "$value") && export LINUX_DOM0_DIR ;;
    --cmdline) one_line --cmdline "$value" && cmdline=$value ;;
    --dom0) dom0=$(absolute "$value") && dom0=${dom0#"$PWD"/} ;;
    --dom0-args) one_line --dom0-args "$value" && dom0_args=$value ;;
    --boot-config) boot_config=$(absolute "$value") ;;
    --load-options) one_line --load-options "$value" && load_options+=("$value") ;;
    --esp) esp=$(absolute "$value") ;;
    --timeout) number --timeout "$value" 1 999999 && timeout_secs=$((10#$value)) ;;
    --guest-logs) guest_logs=$(absolute "$value") ;;
    --gdb) gdb=1 ;;
    --no-install) install=0 ;;
    --no-build) build=0 ;;
    --dry-run) dry_run=1 ;;
    --help | -h)
        usage
        exit 0
        ;;
    --)
        qemu_more=("$@")
        break
        ;;
    *) bad_usage "unknown option '$option'" ;;
    esac
done

# --- checks -----------------------------------------------------------------------------------------------

# shellcheck source=tools/qemu-machine.sh
. tools/qemu-machine.sh
check_machine
[ -z "$boot_config" ] || [ "$direct" = 0 ] || bad_usage "--boot-config cannot be combined with --direct"
[ "${#load_options[@]}" = 0 ] || [ "$direct" = 0 ] || bad_usage "--load-options cannot be combined with --direct"
[ -z "$esp" ] || [ "$direct" = 0 ] || bad_usage "--esp cannot be combined with --direct"
[ -z "$esp" ] || [ -z "$guests$cmdline$dom0_args$boot_config${load_options[*]-}" ] ||
    bad_usage "--esp cannot be combined with options for what is on the image"
[ -z "$esp" ] || [ -f "$esp" ] || bad_usage "there is no file '$esp'"
[ -z "$boot_config" ] || [ -z "$cmdline$dom0_args" ] ||
    bad_usage "--cmdline and --dom0-args cannot be combined with --boot-config, which has the options"
[ -z "$boot_config" ] || [ -f "$boot_config" ] || bad_usage "there is no file '$boot_config'"
[ "$linux" = 0 ] || [ -z "$guests$boot_config$esp" ] ||
    bad_usage "--linux cannot be combined with --guests, --boot-config or --esp"
[ "$linux_dom0" = 0 ] || [ "$linux$guests$boot_config$esp$guest_logs" = 0 ] ||
    bad_usage "--linux-dom0 cannot be combined with --linux, --guests, --guest-logs, --boot-config or --esp"
[ "$linux_dom0" = 0 ] || [ "$dom0" = build/guest/dom0.elf ] || bad_usage "--linux-dom0 cannot be combined with --dom0"
[ "$linux$linux_dom0" != 00 ] || [ "$linux_test" = 0 ] || bad_usage "--test needs --linux or --linux-dom0"
[ -z "$guests" ] || [ -d "$guests" ] || [ -f "$guests" ] || bad_usage "there is no directory or file '$guests'"
[ -z "$guest_logs" ] || [ -z "$esp$boot_config" ] ||
    bad_usage "--guest-logs cannot be combined with --esp or --boot-config: give domain 0 the option frames there"
[[ $dom0 == build/* ]] || [ -f "$dom0" ] || bad_usage "there is no domain 0 '$dom0'"
# QEMU reads a module's name up to the first space.
[[ $direct = 0 || $dom0 != *' '* ]] || bad_usage "--dom0 with --direct must have no space in its name"

# --- the QEMU command -------------------------------------------------------------------------------------

[ -n "$timeout_secs" ] || case $linux$linux_dom0$linux_test in
00*) timeout_secs=120 ;;
*1) timeout_secs=600 ;;
esac
# All of these guests live at the same time, and domain 0 needs a vCPU for each.
[ "$linux$linux_test" != 10 ] || dom0_args="foreground=linux${dom0_args:+ $dom0_args}"
[ "$linux" = 0 ] || cmdline="dom0_max_vcpus=$((${#sizes[@]} + 2))${cmdline:+ $cmdline}"
if [ "$linux_dom0" = 1 ]; then
    # What follows "test.run=" in the caller's arguments counts, as it is the last.
    dom0=build/linux-dom0/vmlinux cmdline="dom0_mem=640M dom0_max_vcpus=2${cmdline:+ $cmdline}"
    [[ $linux_test = 0 || $dom0_args == *test.run=* ]] || dom0_args="test.run=short${dom0_args:+ $dom0_args}"
    dom0_args="console=hvc0 quiet${dom0_args:+ $dom0_args}"
fi
[ -z "$guest_logs" ] || dom0_args="frames${dom0_args:+ $dom0_args}"
options="com1=115200,8n1 console=com1 loglvl=info${cmdline:+ $cmdline}"
if [ "$dry_run" = 1 ]; then
    run_dir=build/run/dry-run
else
    mkdir -p build/run
    run_dir=$(mktemp -d build/run/XXXXXX)
fi
comma() { printf '%s' "${1//,/,,}"; } # escapes commas for QEMU
qemu=()
qemu_machine
if [ -n "$guests" ] || [ "$linux$linux_dom0" != 00 ]; then
    cpio=$run_dir/guests.cpio
else
    cpio=build/guest/default.cpio
fi
if [ "$direct" = 1 ]; then
    qemu+=(-kernel build/homestead -append "$options"
        -initrd "$(comma "$dom0")${dom0_args:+ $(comma "$dom0_args")},$cpio")
else
    qemu+=(-bios /usr/share/ovmf/OVMF.fd -drive "format=raw,file=$run_dir/esp.img,if=none,id=esp"
        -device 'virtio-blk-pci,drive=esp,bootindex=0')
fi
[ "$gdb" = 0 ] || qemu+=(-s -S)
qemu+=(${qemu_more[@]+"${qemu_more[@]}"})

if [ "$dry_run" = 1 ]; then
    for word in "${qemu[@]}"; do
        # Quotes only what a shell would change.
        [[ $word =~ ^[][A-Za-z0-9_/.,=:+-]+$ ]] || word=${word@Q}
        printf '%s ' "$word"
    done
    echo
    exit 0
fi

# --- build ------------------------------------------------------------------------------------------------

watcher='' terminal='' log=$run_dir/console.log
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
    [ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true
    [ -z "$terminal" ] || stty "$terminal" 2>/dev/null || true
    cp -f -- "$log" build/run/last.log 2>/dev/null || true
    rm -rf -- "$run_dir"
}
trap cleanup EXIT

setup=(tools/setup.sh)
[ "$install" = 1 ] || setup+=(--no-install)
groups=(build boot)
[ "$linux$linux_dom0" = 00 ] || groups+=(linux)
[ "$linux_dom0" = 0 ] || groups+=(linux-dom0)
"${setup[@]}" "${groups[@]}" >&2 || finish 6 "FAIL: packages are missing"
targets=(all)
[ "$linux$linux_dom0" = 00 ] || targets+=(build/guest/linux-probe)
[ "$linux_dom0" = 0 ] || targets+=(toolstack) # what can be built of it
[[ $linux_dom0 = 1 || $dom0 != build/* ]] || targets+=("$dom0")
[ "$build" = 0 ] || make --no-print-directory "${targets[@]}" >&2 || finish 6 "FAIL: Homestead does not build"

# Packs the directory of guests. Links stay links where they lead to something in it; where they lead out of it, what is
# there is packed in their place. Domain 0 names those that lead nowhere.
pack() {
    local top target link stage=$run_dir/guests

    top=$(realpath -- "$guests")
    cp -a -- "$guests/." "$stage" && chmod -R u+w -- "$stage" || return
    while IFS= read -r -d '' link; do
        target=$(realpath -e -- "$guests/$link" 2>/dev/null) || continue
        case $target/ in
        "$top"/*) [[ $(readlink -- "$guests/$link") == /* ]] || continue ;;
        esac
        [[ $top/ != "$target"/* ]] || continue # all of it again
        rm -- "$stage/$link" && cp -rL -- "$target" "$stage/$link" || return
    done < <(cd -- "$guests" && find . -type l -print0)
    (cd -- "$stage" && find . -mindepth 1 -print0 | sort -z | cpio --null --quiet -o -H newc)
}

no_install=()
[ "$install" = 1 ] || no_install=(--no-install)
if [ "$linux_dom0" = 1 ]; then
    tools/get-linux-dom0.sh ${no_install[@]+"${no_install[@]}"} build/linux-dom0 || finish 6 "FAIL: there is no Linux for domain 0"
    tools/get-linux.sh ${no_install[@]+"${no_install[@]}"} build/linux/cloud || finish 6 "FAIL: there is no Linux for the guests"
    tools/linux-dom0.sh build/linux-dom0 build/linux/cloud "$cpio" || finish 6 "FAIL: cannot make domain 0's initramfs"
elif [ "$linux" = 1 ]; then
    join() { local IFS=, && printf '%s' "$*"; }
    tools/get-linux.sh ${no_install[@]+"${no_install[@]}"} build/linux/cloud || finish 6 "FAIL: there is no Linux for the guests"
    guests=$run_dir/linux
    linux_flags=()
    [ "$linux_test" = 0 ] || linux_flags=(--test)
    ((nodes > 0)) || { sizes=("$mem_mib") && shares=("$cpus"); }
    with_memory=()
    for ((i = 0; i < ${#sizes[@]}; i++)); do ((sizes[i] == 0)) || with_memory+=("$i"); done
    tools/linux-guests.sh build/linux/cloud "$guests" ${linux_flags[@]+"${linux_flags[@]}"} "$(join "${sizes[@]}")" \
        "$(join "${shares[@]}")" "$(distance_of "${with_memory[0]}" "${with_memory[1]-0}")" || finish 6 "FAIL: cannot make the guests"
fi
if [ -d "$guests" ]; then
    pack >"$cpio" || finish 6 "FAIL: cannot pack $guests"
elif [ -n "$guests" ]; then
    case $(head -c 6 -- "$guests" | tr -d '\0') in
    070701 | 070702) ;;
    *) finish 2 "FAIL: $guests is not a newc cpio archive: unpack it if it is compressed, pack it with cpio -o -H newc" ;;
    esac
    cp -- "$guests" "$cpio"
fi
if [ -n "$esp" ]; then
    cp -- "$esp" "$run_dir/esp.img"
elif [ "$direct" = 0 ]; then
    if [ -n "$boot_config" ]; then
        cp -- "$boot_config" "$run_dir/homestead.cfg"
    else
        cat >"$run_dir/homestead.cfg" <<END
# Written by run-qemu.sh
[global]
default=homestead

[homestead]
options=$options
kernel=homestead.elf
dom0=dom0.elf${dom0_args:+ $dom0_args}
module=guests.cpio
END
    fi
    mkesp=(tools/mkesp.sh)
    if [ "${#load_options[@]}" -gt 0 ]; then
        printf '@echo -off\r\nfs0:\r\ncd \\EFI\\BOOT\r\n' >"$run_dir/startup.nsh"
        printf 'homestead.efi %s\r\n' "${load_options[@]}" >>"$run_dir/startup.nsh"
        mkesp+=(--startup "$run_dir/startup.nsh")
    fi
    "${mkesp[@]}" "$run_dir/esp.img" build/BOOTX64.EFI "$run_dir/homestead.cfg" build/homestead.elf \
        "$dom0=dom0.elf" "$cpio=guests.cpio" build/guest/default.cpio || finish 6 "FAIL: cannot make the boot image"
fi

# --- run --------------------------------------------------------------------------------------------------

# When the loader fails, the firmware's shell starts and would wait for the timeout: end QEMU instead.
watch_for_refusal() {
    local waited=0

    # Each load option is a start of its own.
    until (($(grep -ca 'homestead: not started' "$log" 2>/dev/null) >= (${#load_options[@]} ? ${#load_options[@]} : 1))); do
        sleep 1
    done
    until grep -qa 'Interactive Shell' "$log" || ((waited++ == 15)); do sleep 1; done
    kill "$(cat "$run_dir/qemu.pid")"
}

limit=()
[ -z "$timeout_secs" ] || limit=(timeout --foreground -k 5 "$timeout_secs")
if [ "$gdb" = 1 ]; then
    limit=()
    say "waiting for: gdb build/homestead.elf -ex 'target remote :1234' -ex 'hbreak boot_main' -ex continue"
fi
: >"$log"
if [ "$direct" = 0 ]; then
    watch_for_refusal &
    watcher=$!
fi
# On a terminal, QEMU makes it raw, and as it was unless it is killed. It also makes what it reads non-blocking: it gets a
# description of its own, or a slow terminal would lose output.
if [ -t 0 ]; then
    terminal=$(stty -g)
    exec <"$(tty)"
    if [ "$linux_dom0" = 1 ]; then
        say "keys go to domain 0, where exit ends the run; three times Ctrl-A, then R, ends it at once"
    else
        say "keys go to the machine: Ctrl-] ? for help, Ctrl-] x ends the run"
    fi
fi
show=(cat)
[ -z "$guest_logs" ] || show=(tools/guest-logs.py "$guest_logs")
set +e
${limit[@]+"${limit[@]}"} "${qemu[@]}" -pidfile "$run_dir/qemu.pid" | "${show[@]}" | tee "$log"
status=${PIPESTATUS[0]}
set -e
echo

# isa-debug-exit: a value v written by the hypervisor becomes exit status 2v+1.
has() { grep -qa "$1" "$log"; }
case $status in
33)
    # Linux powers off in any case.
    [ "$linux_dom0" = 0 ] || ! has '^@verdict result=FAIL' ||
        finish 1 "FAIL: domain 0's verdict: $(grep -ca '^@xl .*result=failed secs=' "$log") checks failed"
    has '^@verdict result=FAIL' && finish 4 "FAIL: the status says PASS, the output says FAIL"
    has '^@verdict result=PASS' || finish 4 "FAIL: the run ended without a verdict"
    if [ "$linux$linux_test" = 11 ]; then
        checked=$(grep -ca '^(d[0-9]*) @linux check=summary result=ok' "$log") || true
        # shellcheck disable=SC2012 # names of our own
        [ "$checked" = "$(ls "$guests"/*.cfg | wc -l)" ] || finish 1 "FAIL: $checked guests reported that their checks are ok"
    fi
    degraded=$(sed -n 's/\r$//; s/^@verdict result=PASS degraded=//p' "$log")
    finish 0 "PASS${degraded:+, degraded: $degraded}"
    ;;
35) finish 1 "FAIL: domain 0's verdict" ;;
37) finish 3 "FAIL: the hypervisor panicked" ;;
124 | 137) finish 5 "FAIL: timeout after $timeout_secs s" ;;
esac
has 'homestead: not started' && finish 4 "FAIL: the UEFI loader returned to the firmware, see above"
finish 4 "FAIL: the run ended without a verdict (QEMU's status was $status)"
