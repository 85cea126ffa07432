#!/bin/sh
# Installs heychip as a system service. Running it again updates the program and leaves the configuration alone.
#
#   systemd/install.sh [--prefix DIR] [--no-apt]
#
# --prefix DIR   where the program goes (default /opt/heychip)
# --no-apt       do not install Debian packages
# DESTDIR=DIR    only lay the files under DIR: no packages, no program, no groups, no service
set -eu
umask 022 # the service's user must be able to read what root installs

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
prefix=/opt/heychip
apt=yes
DESTDIR=${DESTDIR:-}

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
    case $1 in
        --prefix) [ $# -ge 2 ] || { usage >&2; exit 2; }; prefix=$2; shift 2 ;;
        --no-apt) apt=no; shift ;;
        -h | --help) usage; exit 0 ;;
        *) echo "install.sh: unknown argument $1" >&2; usage >&2; exit 2 ;;
    esac
done
case $prefix in
    *[!A-Za-z0-9._/-]*) echo "install.sh: --prefix $prefix: only letters, digits and . _ - / can stand in a unit" >&2; exit 2 ;;
    /home/* | /root/*) echo "install.sh: --prefix $prefix: the service cannot see homes; choose another place" >&2; exit 2 ;;
    /?*) ;;
    *) echo "install.sh: --prefix $prefix: expected an absolute path" >&2; exit 2 ;;
esac

say() {
    printf 'heychip: %s\n' "$*"
}

as_root() {
    if [ -n "$DESTDIR" ] || [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# lay FILE PLACE: one file, readable by all. Its folder is made where it is missing.
lay() {
    say "writing $DESTDIR$2"
    as_root mkdir -p "$(dirname "$DESTDIR$2")"
    as_root install -m 0644 "$1" "$DESTDIR$2"
}

if [ -z "$DESTDIR" ] && [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install.sh: run it as root, or install sudo" >&2; exit 1; }
    say "not root: each step below goes through sudo"
fi

if [ -z "$DESTDIR" ]; then
    if [ "$apt" = yes ] && command -v apt-get >/dev/null; then
        say "Debian packages: a virtual environment, PortAudio for the microphone, espeak-ng and aplay for the voice"
        as_root apt-get install -y --no-install-recommends python3-venv libportaudio2 espeak-ng alsa-utils procps
    fi
    say "the program, in a virtual environment of its own: $prefix (it sees Debian's Python packages: the camera's"
    say "bindings exist only there)"
    [ -x "$prefix/bin/python" ] || as_root python3 -m venv --system-site-packages "$prefix"
    as_root "$prefix/bin/python" -m pip install --quiet --disable-pip-version-check "$root"
fi

config=/etc/heychip/heychip.toml
if [ -e "$DESTDIR$config" ] || [ -L "$DESTDIR$config" ]; then
    say "the configuration stays as it is: $DESTDIR$config"
else
    lay "$here/heychip.toml" "$config"
fi

temporary=$(mktemp)
trap 'rm -f "$temporary"' EXIT
sed "s|^\(Exec[A-Za-z]*=-\{0,1\}\)/opt/heychip/|\1$prefix/|" "$here/heychip.service" >"$temporary"
lay "$temporary" /etc/systemd/system/heychip.service
lay "$here/sysusers.conf" /etc/sysusers.d/heychip.conf
lay "$here/tmpfiles.conf" /etc/tmpfiles.d/heychip.conf
lay "$here/udev.rules" /etc/udev/rules.d/70-heychip.rules
# An older systemd does not know these keys and would complain at every boot.
version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
if [ "${version:-0}" -ge 254 ]; then
    lay "$here/backoff.conf" /etc/systemd/system/heychip.service.d/backoff.conf
fi

if [ -n "$DESTDIR" ]; then
    say "files only (DESTDIR is set)"
    exit 0
fi
command -v systemd-sysusers >/dev/null || { say "there is no systemd; start it by hand:  $prefix/bin/heychip run"; exit 0; }
as_root systemd-sysusers /etc/sysusers.d/heychip.conf
# The configuration may come to hold a password in a command: only root and the service read it.
as_root chown root:heychip-config "$config"
as_root chmod 0640 "$config"

if [ -d /run/systemd/system ]; then
    if command -v udevadm >/dev/null; then
        as_root udevadm control --reload 2>/dev/null || say "udev does not run here; its rule holds after the next boot"
    fi
    say "starting it now and at every boot"
    as_root systemctl daemon-reload
    as_root systemctl enable --quiet heychip.service
    as_root systemctl restart heychip.service
    say "see how it is:  systemctl status heychip    what it hears:  journalctl -fu heychip"
else
    say "systemd does not run here; start it by hand:  $prefix/bin/heychip run --config $config"
fi
