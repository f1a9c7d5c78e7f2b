# lib.sh: what the scripts share. Source it; it changes to the repository's root.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1
# shellcheck disable=SC2034  # used by the scripts that source this file
GUESTS=${NOVT_GUESTS:-$ROOT/build/guests}
# shellcheck disable=SC2034
PRESET=${NOVT_PRESET:-release}

say() { printf '== %s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Packages that building and testing need, by their Debian names.
# shellcheck disable=SC2034
PACKAGES=(
    build-essential cmake ninja-build pkg-config nasm gcc-multilib python3
    libzydis-dev libcapstone-dev libcmocka-dev zlib1g-dev libncurses-dev
    libslirp-dev libnbd-dev libjansson-dev libedit-dev libmicrohttpd-dev libelf-dev
    seabios ipxe-qemu qemu-system-x86 qemu-utils gdb linux-perf cpio gzip strace e2fsprogs xorriso
    mmdebstrap fakeroot uidmap fdisk grub-common grub-pc-bin
    clang libclang-rt-14-dev gnuplot-nox chromium chromium-driver novnc
)

# Those of the given packages that are not installed.
missing_packages() {
    local p
    for p; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) == installed ]] || printf '%s\n' "$p"
    done
}

# Runs a command as root: directly, or through sudo.
as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"; elif have sudo; then sudo "$@"; else die "not root and no sudo: cannot run: $*"; fi
}
