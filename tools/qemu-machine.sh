#!/bin/bash
# The emulated machine of run-qemu.sh, which sources this file. In: the values of its options, in variables of the
# same names. Out: the words of a QEMU command, in ${qemu[@]}. check_machine() calls bad_usage() for invalid options.
# Units: MiB. sizes[i] is the memory of node i, shares[i] its number of CPUs.
# shellcheck disable=SC2034,SC2154 # the variables belong to run-qemu.sh

# SIZE in MiB, as $mib
size_in_mib() { # NAME VALUE
    [[ $2 =~ ^([0-9]{1,7})([MmGgTt])$ ]] || bad_usage "$1 needs a size such as 512M or 2G, not '$2'"
    mib=$((10#${BASH_REMATCH[1]}))
    case ${BASH_REMATCH[2]} in
    [Gg]) mib=$((mib * 1024)) ;;
    [Tt]) mib=$((mib * 1048576)) ;;
    esac
}

# Expands a list with repetitions, such as 1G,2x512M, into $list.
expand_list() { # NAME VALUE
    local item items count
    list=()
    [[ $2 != *, ]] || bad_usage "$1 needs one value for each node, not '$2'"
    IFS=, read -ra items <<<"$2"
    for item in "${items[@]}"; do
        count=1
        if [[ $item =~ ^([0-9]{1,2})x(.*)$ ]]; then
            count=$((10#${BASH_REMATCH[1]})) item=${BASH_REMATCH[2]}
            ((count > 0)) || bad_usage "$1: a repetition of 0 in '$2'"
        fi
        while ((count-- > 0)); do list+=("$item"); done
    done
    ((${#list[@]} <= 64)) || bad_usage "$1 has ${#list[@]} nodes; the maximum is 64"
}

# share_of TOTAL I: the share of node I. The first nodes get one unit more if TOTAL does not divide evenly.
share_of() { printf '%s' "$(($1 / nodes + ($2 < $1 % nodes)))"; }

# Sets the number of nodes from the length of $list, or checks that it agrees.
nodes_by_list() { # NAME
    [ "$nodes_given" = 0 ] || [ "$nodes" = "${#list[@]}" ] ||
        bad_usage "$1 has ${#list[@]} nodes, but another option says $nodes"
    nodes=${#list[@]} nodes_given=1
}

# Sets mem_mib and cpus; also sizes and shares if lists were given.
check_totals() {
    local item sum
    size_in_mib --mem "$mem"
    mem_mib=$mib sizes=() shares=()
    if [ -n "$node_mem" ]; then
        expand_list --node-mem "$node_mem" && nodes_by_list --node-mem
        sum=0
        for item in "${list[@]}"; do
            mib=0
            [ "$item" = 0 ] || size_in_mib --node-mem "$item"
            ((mib == 0 || mib >= 16)) || bad_usage "--node-mem: $item is less than 16M"
            sizes+=("$mib") sum=$((sum + mib))
        done
        [ "$mem_given" = 0 ] || [ "$mem_mib" = "$sum" ] ||
            bad_usage "--mem $mem and --node-mem with a total of ${sum}M contradict each other"
        mem_mib=$sum
    fi
    if [ -n "$node_cpus" ]; then
        expand_list --node-cpus "$node_cpus" && nodes_by_list --node-cpus
        sum=0
        for item in "${list[@]}"; do
            number --node-cpus "$item" 0 255
            shares+=("$((10#$item))") sum=$((sum + 10#$item))
        done
        [ "$cpus_given" = 0 ] || [ "$cpus" = "$sum" ] ||
            bad_usage "--cpus $cpus and --node-cpus with a total of $sum contradict each other"
        ((sum >= 1 && sum <= 255)) || bad_usage "--node-cpus must have a total of 1 to 255 CPUs, not $sum"
        cpus=$sum
    fi
    ((mem_mib >= 128)) || bad_usage "--mem must be at least 128M"
    ((mem_mib <= 16777216)) || bad_usage "--mem must be at most 16T"
}

# Sets sizes and shares for all nodes.
check_nodes() {
    local table signature i
    for table in ${tables[@]+"${tables[@]}"}; do
        [ -f "$table" ] || bad_usage "there is no ACPI table '$table'"
        # QEMU would add a second table of this kind.
        signature=$(head -c 4 -- "$table" | tr -cd 'A-Z0-9')
        if [ "$signature" = SRAT ] || [ "$signature" = SLIT ]; then
            [ "$nodes_given" = 0 ] || [ "$nodes" = 0 ] ||
                bad_usage "an $signature by --acpi-table and --nodes $nodes contradict each other: give --nodes 0"
            nodes=0
        fi
        [ "$signature" != HMAT ] || [ "$hmat" = 0 ] || bad_usage "an HMAT by --acpi-table and --hmat contradict each other"
    done
    [ -n "$node_mem" ] || ((nodes == 0 || mem_mib / nodes >= 16)) ||
        bad_usage "$mem on $nodes nodes is less than 16M a node"
    for ((i = 0; i < nodes; i++)); do
        [ -n "$node_mem" ] || sizes+=("$(share_of "$mem_mib" "$i")")
        [ -n "$node_cpus" ] || shares+=("$(share_of "$cpus" "$i")")
        ((sizes[i] + shares[i] > 0)) || bad_usage "node $i has neither memory nor CPUs"
    done
    ((nodes > 0 || hmat + interleave == 0)) || bad_usage "--hmat and --interleave need nodes"
}

# Sets smp, window_mib and nvdimm_mib.
check_cpus_and_window() {
    local sockets cores threads
    smp=$cpus
    if [ -n "$topology" ]; then
        [[ $topology =~ ^([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3})$ ]] ||
            bad_usage "--topology needs SOCKETS,CORES,THREADS, not '$topology'"
        sockets=$((10#${BASH_REMATCH[1]})) cores=$((10#${BASH_REMATCH[2]})) threads=$((10#${BASH_REMATCH[3]}))
        ((sockets * cores * threads == cpus)) ||
            bad_usage "--topology $topology has $((sockets * cores * threads)) CPUs, but there are $cpus"
        smp=$cpus,sockets=$sockets,cores=$cores,threads=$threads
    fi

    # QEMU has one window for hot-plug memory and NVDIMMs, above the RAM.
    window_mib=0 nvdimm_mib=0
    if [ -n "$hotplug" ]; then
        size_in_mib --hotplug "$hotplug" && window_mib=$mib
        ((window_mib >= 128)) || bad_usage "--hotplug must be at least 128M"
    fi
    if [ -n "$nvdimm" ]; then
        ((nodes > 0)) || bad_usage "--nvdimm needs nodes"
        size_in_mib --nvdimm "$nvdimm" && nvdimm_mib=$mib
        ((nvdimm_mib >= 16)) || bad_usage "--nvdimm must be at least 16M"
    fi
}

# Sets distance[A,B] for the pairs given by --dist.
check_distances() {
    local dist a b val
    declare -gA distance=()
    for dist in ${dists[@]+"${dists[@]}"}; do
        [[ $dist =~ ^([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3})$ ]] || bad_usage "--dist needs A,B,VAL, not '$dist'"
        a=$((10#${BASH_REMATCH[1]})) b=$((10#${BASH_REMATCH[2]})) val=$((10#${BASH_REMATCH[3]}))
        ((a < nodes && b < nodes)) || bad_usage "--dist $dist: there are only nodes 0 to $((nodes - 1))"
        ((a != b)) || bad_usage "--dist $dist: a node's distance to itself is always 10"
        ((val >= 11 && val <= 255)) || bad_usage "--dist $dist: a distance is 11 to 255"
        [ -z "${distance[$a,$b]-}" ] || bad_usage "--dist $a,$b is given twice"
        distance[$a,$b]=$val
    done
}

check_machine() {
    check_totals
    check_nodes
    check_cpus_and_window
    check_distances
}

# Machine, CPUs, memory, serial line. On a terminal all keys go to the line, Ctrl-C too.
machine_words() {
    local cpu_model machine memory
    # Without MONITOR the firmware parks the other CPUs in HLT. In TCG, MWAIT is a busy loop.
    cpu_model='max,vendor=AuthenticAMD,-monitor'
    # QEMU's default for this CPU, 40 address bits, is too small for 1 TiB of RAM and the PCI hole.
    ((mem_mib + window_mib + nvdimm_mib < 900 * 1024)) || cpu_model+=,phys-bits=46
    machine=q35 memory=${mem_mib}M
    [ "$hmat" = 0 ] || machine+=,hmat=on
    if ((window_mib + nvdimm_mib > 0)); then
        memory+=",slots=4,maxmem=$((mem_mib + window_mib + nvdimm_mib))M"
        ((nvdimm_mib == 0)) || machine+=,nvdimm=on
    fi
    qemu=(qemu-system-x86_64 -M "$machine" -cpu "$cpu_model" -smp "$smp" -m "$memory"
        -nodefaults -display none -chardev 'stdio,id=line,signal=off' -serial chardev:line -no-reboot -device 'isa-debug-exit,iobase=0xf4,iosize=4')
    if [ "$icount" = 1 ]; then
        qemu+=(-accel 'tcg,thread=single' -icount 'shift=0,sleep=off' -rtc 'base=2020-01-01,clock=vm')
    else
        # With several threads QEMU 7.2 sometimes corrupts CPU 0's state (docs/hypervisor-guide/testing.md); one thread is too slow for many CPUs.
        [ "$one_thread" != auto ] || one_thread=$((cpus <= 4))
        qemu+=(-accel "tcg$([ "$one_thread" = 0 ] || echo ,thread=single)")
    fi
}

# distance_of A B
distance_of() {
    if (($1 == $2)); then
        printf 10
    else
        printf '%s' "${distance[$1,$2]-${distance[$2,$1]-20}}"
    fi
}

# Sets where[i], the CPUs of node i in QEMU's syntax: ,cpus=A-B for each run.
place_cpus() {
    local i cpu left
    where=()
    if [ "$interleave" = 1 ]; then
        left=(${shares[@]+"${shares[@]}"})
        i=0
        for ((cpu = 0; cpu < cpus; cpu++)); do
            while ((left[i] == 0)); do i=$(((i + 1) % nodes)); done
            where[i]+=",cpus=$cpu"
            left[i]=$((left[i] - 1)) i=$(((i + 1) % nodes))
        done
    else
        cpu=0
        for ((i = 0; i < nodes; i++)); do
            ((shares[i] == 0)) || where[i]=",cpus=$cpu-$((cpu + shares[i] - 1))"
            cpu=$((cpu + shares[i]))
        done
    fi
}

# The HMAT initiator of a node: itself, or the nearest node with CPUs if it has none.
initiator_of() {
    local from nearest=$1
    if ((shares[$1] == 0)); then
        nearest=''
        for ((from = 0; from < nodes; from++)); do
            ((shares[from] > 0)) || continue
            [ -n "$nearest" ] && (($(distance_of "$from" "$1") >= $(distance_of "$nearest" "$1"))) || nearest=$from
        done
    fi
    printf '%s' "$nearest"
}

node_words() {
    local i a b node
    place_cpus
    for ((i = 0; i < nodes; i++)); do
        node=node,nodeid=$i
        if ((sizes[i] > 0)); then
            qemu+=(-object "memory-backend-ram,size=${sizes[i]}M,id=m$i,reserve=off")
            node+=,memdev=m$i
        fi
        [ "$hmat" = 0 ] || node+=,initiator=$(initiator_of "$i")
        qemu+=(-numa "$node${where[i]-}")
    done
    if [ "${#distance[@]}" -gt 0 ]; then
        # If one pair is given, QEMU needs all.
        for ((a = 0; a < nodes; a++)); do
            for ((b = 0; b < nodes; b++)); do
                ((a == b)) || qemu+=(-numa "dist,src=$a,dst=$b,val=$(distance_of "$a" "$b")")
            done
        done
    fi
}

hmat_words() {
    local a b pair far
    # 10 ns and 128 GiB/s within a node; other nodes in proportion to the distance.
    for ((a = 0; a < nodes; a++)); do
        for ((b = 0; b < nodes; b++)); do
            ((shares[a] > 0 && sizes[b] > 0)) || continue
            pair=hmat-lb,initiator=$a,target=$b,hierarchy=memory,data-type=access
            far=$(distance_of "$a" "$b")
            qemu+=(-numa "$pair-latency,latency=$far" -numa "$pair-bandwidth,bandwidth=$((1280 / far))G")
        done
    done
}

qemu_machine() {
    local table
    machine_words
    node_words
    [ "$hmat" = 0 ] || hmat_words
    if ((nvdimm_mib > 0)); then
        qemu+=(-object "memory-backend-ram,size=${nvdimm_mib}M,id=nv0,reserve=off" -device "nvdimm,memdev=nv0,node=$((nodes - 1))")
    fi
    for table in ${tables[@]+"${tables[@]}"}; do
        qemu+=(-acpitable "file=$(comma "$table")")
    done
}
