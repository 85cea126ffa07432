#!/bin/sh
# Builds what the rigs boot and run, once, under .cache/rig: a Debian root for x86, one for arm64, and the wheels
# that heychip needs on each.   tests/rig/build.sh [x86|arm64 ...]
# Needs root, and a network for Debian's packages and pip's. What is there already is left alone.
set -eu
cd "$(dirname "$0")/../.."
cache=${XDG_CACHE_HOME:-$PWD/.cache}/rig
pip=".venv/bin/python -m pip"
[ -x .venv/bin/python ] || pip="${PYTHON:-python3} -m pip"

say() { printf 'rig: %s\n' "$*" >&2; }

[ "$(id -u)" -eq 0 ] || { say "roots are mounted and booted: run this as root (sudo make rig)"; exit 1; }
[ $# -gt 0 ] || set -- x86 arm64

tools="mmdebstrap systemd-container debian-archive-keyring"
case " $* " in *" arm64 "*) tools="$tools qemu-user-static binfmt-support arch-test" ;; esac
want=""
for tool in $tools; do
    dpkg-query -W -f '${Status}' "$tool" 2>/dev/null | grep -q 'ok installed' || want="$want $tool"
done
if [ -n "$want" ]; then
    say "installing$want"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >/dev/null
fi

# wheels MACHINE: what heychip asks for, as wheels alone, for Debian 13's Python.
wheels() {
    [ ! -e "$cache/wheels/$1/.done" ] || return 0
    say "wheels for $1"
    $pip download -q --disable-pip-version-check -d "$cache/wheels/$1" --only-binary=:all: --implementation cp \
        --python-version 3.13 --abi cp313 --abi abi3 --abi none --platform "manylinux_2_34_$1" \
        --platform "manylinux_2_28_$1" --platform "manylinux_2_27_$1" --platform "manylinux_2_17_$1" \
        --platform "manylinux2014_$1" $(needs) 'setuptools>=68'
    touch "$cache/wheels/$1/.done"
}

needs() { sed -n 's/.*install_requires=\[\(.*\)\].*/\1/p' setup.py | tr ',' ' ' | tr -d '"'; }

# debian NAME ARCHITECTURE PACKAGES: a minimal Debian 13.
debian() {
    [ ! -e "$cache/$1/opt/.done" ] || return 0
    say "a Debian root for $2"
    rm -rf "${cache:?}/$1"
    mmdebstrap --quiet --mode=root --variant=minbase --arch="$2" --include="$3" \
        --aptopt='Acquire::Check-Valid-Until "false"' trixie "$cache/$1"
}

mkdir -p "$cache"
for root in "$@"; do
    case $root in
        x86)
            wheels x86_64
            debian x86 amd64 systemd,systemd-sysv,udev,dbus,procps,python3,python3-venv,libportaudio2,espeak-ng,alsa-utils,libfaketime,pulseaudio,pulseaudio-utils,libasound2-plugins
            ;;
        arm64)
            mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
            [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || update-binfmts --enable qemu-aarch64
            wheels aarch64
            debian arm64 arm64 python3,python3-venv
            # pip's own installation takes minutes under emulation.
            [ -x "$cache/arm64/opt/heychip/bin/pip" ] || chroot "$cache/arm64" python3 -m venv /opt/heychip
            ;;
        *) say "$root: expected x86 or arm64"; exit 2 ;;
    esac
    touch "$cache/$root/opt/.done"
done
say "ready: $cache"
