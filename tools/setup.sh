#!/bin/bash
# Installs the packages that Homestead needs, on Debian and Ubuntu. On other systems it lists what is missing.
#
#   tools/setup.sh [--no-install] [GROUP...]      default: build boot test; all groups: build boot test oracle lint bochs
#                                                 model prove bench coverage linux linux-dom0 toolstack docs
#
# With --no-install, or without apt-get, it lists what is missing and ends with status 1.
set -euo pipefail

# GROUP PACKAGE PROBE. The probe is a command, or a file if it starts with a slash. A package is missing if its probe
# is: a compiler that was installed in another way will do.
packages() {
    local compiler=gcc binutils=binutils libc=libc6-dev libc_file=/usr/lib/x86_64-linux-gnu/libc.a
    if [ "$(uname -m)" != x86_64 ]; then
        compiler=gcc-x86-64-linux-gnu binutils=binutils-x86-64-linux-gnu
        libc=libc6-dev-amd64-cross libc_file=/usr/x86_64-linux-gnu/lib/libc.a
    fi
    cat <<END
build make              make
build $compiler         ${CROSS_COMPILE:-x86_64-linux-gnu-}gcc
build $binutils         ${CROSS_COMPILE:-x86_64-linux-gnu-}ld
build nasm              nasm
build gnu-efi           /usr/lib/crt0-efi-x86_64.o
build python3           /usr/bin/python3
build cpio              cpio
$(decoders)
boot  qemu-system-x86   qemu-system-x86_64
boot  ovmf              /usr/share/ovmf/OVMF.fd
boot  mtools            mformat
test  gcc               gcc
test  libc6-dev         /usr/include/stdio.h
test  $libc             $libc_file
test  libcmocka-dev     /usr/include/cmocka.h
test  zlib1g-dev        /usr/include/zlib.h
test  liblz4-dev        /usr/include/lz4.h
test  liblzma-dev       /usr/include/lzma.h
test  libzstd-dev       /usr/include/zstd.h
test  libxen-dev        /usr/include/xen/xen.h
test  python3-pytest    /usr/lib/python3/dist-packages/pytest/__init__.py
test  gdb               gdb
test  mandoc            mandoc
test  python3-pexpect   /usr/lib/python3/dist-packages/pexpect/__init__.py
oracle gzip             gzip
linux $compiler         ${CROSS_COMPILE:-x86_64-linux-gnu-}gcc
linux $libc             $libc_file
linux cpio              cpio
linux-dom0 $binutils    ${CROSS_COMPILE:-x86_64-linux-gnu-}readelf
linux-dom0 xz-utils     xz
linux-dom0 libxen-dev   /usr/include/xencall.h
lint  clang-format      clang-format
lint  shellcheck        shellcheck
bochs bochs             bochs
bochs bochs-x           /usr/share/doc/bochs-x
bochs vgabios           /usr/share/vgabios/vgabios.bin
bochs grub-common       grub-mkimage
bochs grub-pc-bin       /usr/lib/grub/i386-pc/multiboot.mod
bochs grub-efi-amd64-bin /usr/lib/grub/x86_64-efi/chain.mod
bochs ovmf              /usr/share/ovmf/OVMF.fd
bochs mtools            mformat
model spin              spin
model gcc               gcc
model libc6-dev         /usr/include/stdio.h
prove frama-c-base      frama-c
prove why3              why3
prove z3                z3
prove cvc4              cvc4
prove gcc               gcc
toolstack $compiler     ${CROSS_COMPILE:-x86_64-linux-gnu-}gcc
toolstack libxen-dev    /usr/include/xencall.h
toolstack ocaml-nox     ocamlopt
toolstack mandoc        mandoc
docs  python3-sphinx    /usr/lib/python3/dist-packages/sphinx
docs  furo              /usr/lib/python3/dist-packages/furo
docs  python3-myst-parser /usr/lib/python3/dist-packages/myst_parser
docs  python3-sphinxcontrib-mermaid /usr/lib/python3/dist-packages/sphinxcontrib/mermaid.py
docs  python3-sphinxcontrib.svg2pdfconverter /usr/lib/python3/dist-packages/sphinxcontrib/rsvgconverter.py
docs  librsvg2-bin      rsvg-convert
docs  chromium          chromium
docs  npm               npm
docs  latexmk           latexmk
docs  texlive-xetex     xelatex
docs  texlive-latex-recommended /usr/share/texlive/texmf-dist/tex/latex/fancyvrb/fancyvrb.sty
docs  texlive-latex-extra /usr/share/texlive/texmf-dist/tex/latex/tabulary/tabulary.sty
docs  fonts-liberation  /usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf
coverage gcc            gcc
coverage gcovr          gcovr
bench gnuplot-nox       gnuplot
bench xen-hypervisor-4.17-amd64     /boot/xen-4.17-amd64.gz
bench xen-hypervisor-4.17-amd64-dbg /usr/lib/debug/boot/xen-syms-4.17-amd64
END
}

# Static libraries for domain 0, which runs on x86_64; and on the host for its tests.
decoders() {
    local package arch=''
    [ "$(uname -m)" = x86_64 ] || arch=:amd64
    for package in zlib1g-dev=libz.a liblz4-dev=liblz4.a liblzma-dev=liblzma.a libzstd-dev=libzstd.a; do
        echo "build ${package%=*}$arch /usr/lib/x86_64-linux-gnu/${package#*=}"
    done
}

say() { echo "setup: $*"; }

install=1
groups=()
for arg in "$@"; do
    case $arg in
    --no-install) install=0 ;;
    build | boot | test | oracle | lint | bochs | model | prove | bench | coverage | linux | linux-dom0 | toolstack | docs) groups+=("$arg") ;;
    --help | -h)
        sed -n '2,7s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        say "'$arg' is neither --no-install nor a group (build boot test oracle lint bochs model prove bench coverage linux linux-dom0 toolstack docs)" >&2
        exit 2
        ;;
    esac
done
[ ${#groups[@]} -gt 0 ] || groups=(build boot test)

list_missing() {
    local group package probe
    while read -r group package probe; do
        case " ${groups[*]} " in *" $group "*) ;; *) continue ;; esac
        case $probe in
        /*) [ -e "$probe" ] || echo "$package" ;;
        *) command -v "$probe" >/dev/null || echo "$package" ;;
        esac
    done < <(packages) | sort -u
}

# Xen is unpacked, not installed: tools/get-xen.sh.
finish() {
    case " ${groups[*]} " in
    *" oracle "*) ;;
    *) exit 0 ;;
    esac
    local flag=()
    [ "$install" = 1 ] || flag=(--no-install)
    "$(dirname "$0")/get-xen.sh" ${flag[@]+"${flag[@]}"} "$(dirname "$0")/../build/oracle/xen"
    exit
}

mapfile -t missing < <(list_missing)
[ ${#missing[@]} -gt 0 ] || finish

if [ "$install" = 0 ]; then
    say "missing: ${missing[*]}"
    say "not installed because of --no-install; on Debian or Ubuntu: apt-get install ${missing[*]}"
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    say "missing: ${missing[*]} (Debian's names)"
    say "this system has no apt-get: please install them with its own package manager"
    exit 1
fi
root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        say "missing: ${missing[*]}"
        say "installing needs root, and there is no sudo: as root, run apt-get install ${missing[*]}"
        exit 1
    fi
    root=(sudo)
fi

apt() {
    ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}
say "installing with ${root[*]:+${root[*]} }apt-get: ${missing[*]}"
apt update >/dev/null || say "apt-get update failed; trying the existing package lists"
if ! apt install --no-install-recommends "${missing[@]}"; then
    say "apt-get could not install them"
    case ${missing[*]} in *:amd64*) say "packages of amd64 need: dpkg --add-architecture amd64" ;; esac
    exit 1
fi
mapfile -t missing < <(list_missing)
if [ ${#missing[@]} -gt 0 ]; then
    say "installed, but still not found: ${missing[*]}"
    exit 1
fi
say "done"
finish
