#!/bin/bash
# Makes a directory of Linux guests for ./run-qemu.sh: the kernel, an initramfs of busybox and guest/linux/, and a
# configuration for each guest.
#
#   tools/linux-guests.sh LINUX DIR [--test] [MIB,MIB,... CPUS,CPUS,... DISTANCE]
#
# LINUX is the directory that tools/get-linux.sh has filled. With the machine's nodes (memory and CPUs of each, and the
# distance between the first two that have memory): a guest with a vCPU and memory on each of these two nodes, if there
# are two, and a guest `nodeN` on each node that has enough memory. The first one is called `linux`. Without them: no
# configurations. Each guest gives its
# user a shell, or with --test runs the checks of guest/linux/checks and powers off.
set -euo pipefail

fail() {
    echo "Linux guests: $*" >&2
    exit 1
}
[ $# -ge 2 ] || fail "LINUX and DIR are missing"
linux=$1 dir=$2 testing=0
shift 2
if [ "${1:-}" = --test ]; then
    testing=1
    shift
fi
src=$(cd "$(dirname "$0")/../guest/linux" && pwd)
probe=$src/../../build/guest/linux-probe
for file in "$linux/vmlinuz" "$linux/busybox" "$probe"; do
    [ -s "$file" ] || fail "there is no $file"
done

# What the guests find in memory when they start. Not compressed: that would only cost them time.
root=$(mktemp -d)
trap 'rm -rf -- "$root"' EXIT
mkdir -p "$root/bin" "$root/linux" "$dir"
install -m 755 "$linux/busybox" "$root/bin/busybox"
install -m 755 "$probe" "$root/bin/probe"
install -m 755 "$src/facts" "$root/bin/facts"
install -m 755 "$src/init" "$root/init"
install -m 644 "$src/words" "$src/checks" "$root/linux/"
sed -n 's/^\([^#]\)/\1/p' "$src/dmesg-expected" >"$root/linux/dmesg-expected.re"
(cd "$root" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$dir/initramfs"
cp -- "$linux/vmlinuz" "$dir/vmlinuz"
[ $# -gt 0 ] || exit 0

IFS=, read -ra sizes <<<"$1"
IFS=, read -ra shares <<<"$2"
distance=${3:-20}
SMALLEST=128 # MiB, with which a kernel of Debian boots and passes its memory test
count=0

# Half of a node for its own guest, a quarter for its part of `linux`; domain 0 is on the first node.
room() { # NODE
    local mib=$((sizes[$1] - ($1 == first ? 272 : 64)))
    echo $((mib > 0 ? mib : 0))
}
at_most() { echo $(($1 < $2 ? $1 : $2)); }

configuration() { # NAME MIB VCPUS WORDS MORE...
    local file=$dir/$((10 + count))-$1.cfg
    cat >"$file" <<END
name = "$1"
kernel = "vmlinuz"
ramdisk = "initramfs"
memory = $2
vcpus = $3
extra = "console=hvc0 quiet test.name=$1 $4"
END
    shift 4
    if [ "$testing" = 1 ]; then
        set -- "$@" "timeout = 300" 'on_reboot = "destroy"'
    else
        set -- "$@" "timeout = 1000000" 'expect = "any"'
    fi
    printf '%s\n' "$@" >>"$file"
    count=$((count + 1))
}

checks() { # NODES VCPUS DISTANCES [CHECK,...]
    [ "$testing" = 1 ] || return 0
    echo "test.run=cpus,nodes,distances,date,memory,load,order${4:-},dmesg test.secs=5 test.date=$(date +%s)" \
        "test.nodes=$1 test.vcpus=$2 test.dist=$3"
}

zeros() { # COUNT
    local list
    list=$(printf '0,%.0s' $(seq "$1"))
    echo "${list%,}"
}

full=()
for ((i = 0; i < ${#sizes[@]}; i++)); do
    ((sizes[i] == 0)) || full+=("$i")
done
first=${full[0]}
if ((${#full[@]} >= 2)); then
    a=${full[0]} b=${full[1]}
    part_a=$(at_most $(($(room "$a") / 4)) 256) part_b=$(at_most $(($(room "$b") / 4)) 192)
    if ((part_a + part_b >= SMALLEST && part_b >= 64 && part_a >= 96)); then
        configuration linux $((part_a + part_b)) 2 \
            "$(checks "$part_a,$part_b" 0,1 "10,$distance/$distance,10" ,hotplug)" \
            "vnuma = [[\"pnode=$a\", \"size=$part_a\", \"vcpus=0\", \"vdistances=10,$distance\"]," \
            "         [\"pnode=$b\", \"size=$part_b\", \"vcpus=1\", \"vdistances=$distance,10\"]]"
    fi
fi
for node in "${full[@]}"; do
    mib=$(at_most $(($(room "$node") / 2)) 512) vcpus=$(at_most "${shares[node]:-0}" 4)
    ((mib >= SMALLEST)) || continue
    ((vcpus > 0)) || vcpus=1
    name=node$node
    ((count > 0)) || name=linux
    words=$(checks "$mib" "$(zeros "$vcpus")" 10)
    ((count == 0)) || words=${words:-test.wait=1}
    configuration "$name" "$mib" "$vcpus" "$words" "nodes = [$node]"
done
((count > 0)) || fail "no node has enough memory: a guest of $SMALLEST MiB needs a node of $((2 * SMALLEST + 272)) MiB"
