# shellcheck shell=bash disable=SC2154 # dir and hint are the caller's
# Debian's packages, downloaded and unpacked; nothing is installed, and no root is needed. Sourced by tools/get-*.sh, which
# set dir, a directory to work in, and define fail, which ends with its arguments as the reason.

# apt COMMAND ARGUMENTS: on the system's lists of packages, or on those that with_lists has fetched.
own=()
apt() {
    local command=$1
    shift
    "$command" ${own[@]+"${own[@]}"} "$@" 2>>"$dir/apt.log"
}

# fetch PACKAGE...: downloads their PACKAGE_*.deb into $dir.
fetch() {
    local name
    for name in "$@"; do rm -f -- "$dir/$name"_*.deb; done
    (cd "$dir" && apt apt-get -qq download "$@" >>apt.log)
}

# with_lists FUNCTION WHAT: FUNCTION, and if it fails once more with other lists of packages. In a container the system's can
# be missing or old, and only root may fetch them. WHAT and $hint are for the one line that says why it failed.
with_lists() {
    local reason
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        fail "$2 cannot be downloaded without apt-get and dpkg-deb; $hint"
    fi
    : >"$dir/apt.log"
    ! "$1" || return 0
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    own=(-o "Dir::State::Lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt/cache")
    if ! apt apt-get -qq update >>"$dir/apt.log" || ! "$1"; then
        reason=$(sed -n '/No packages found/d; s/^E: //p' "$dir/apt.log" | head -n 1)
        [ -n "$reason" ] || reason="the package sources have none of this name (it is one of Debian's)"
        fail "apt-get cannot download $2: $reason; $hint"
    fi
}

# kernel_package PACKAGE: the kernel that PACKAGE depends on, or the newest of which PACKAGE is a regular expression.
kernel_package() {
    apt apt-cache depends --important "$1" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | grep . ||
        apt apt-cache pkgnames linux-image- | grep -Ex -- "$1" | sort -V | tail -n 1 | grep .
}

# from_package FILE PATTERN NAME: the file of the package that matches PATTERN becomes $dir/NAME.
from_package() {
    command -v dpkg-deb >/dev/null || fail "$(basename "$1") cannot be unpacked without dpkg-deb"
    if ! dpkg-deb --fsys-tarfile "$1" 2>/dev/null | tar -xO --wildcards "$2" >"$dir/$3.new" 2>/dev/null ||
        [ ! -s "$dir/$3.new" ]; then
        fail "the package $(basename "$1") is damaged, or has no ${2#./}"
    fi
    mv "$dir/$3.new" "$dir/$3"
}

# first_file DIR PATTERN: the first file of DIR that matches.
first_file() {
    local file
    for file in "$1"/$2; do
        [ ! -f "$file" ] || { echo "$file" && return; }
    done
    return 1
}
