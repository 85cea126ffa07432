#!/bin/sh
# Installs heychip as a system service. Running it again updates the program and leaves the configuration alone.
#
#   systemd/install.sh [--prefix DIR] [--no-apt]
#
# --prefix DIR   where the program goes (default /opt/heychip)
# --no-apt       do not install Debian packages
# DESTDIR=DIR    only lay the files under DIR: no packages, no program, no user, no service
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

if [ -z "$DESTDIR" ] && [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install.sh: run it as root, or install sudo" >&2; exit 1; }
    say "not root: each step below goes through sudo"
fi

if [ -z "$DESTDIR" ]; then
    if [ "$apt" = yes ] && command -v apt-get >/dev/null; then
        say "Debian packages: a virtual environment, PortAudio for the microphone, espeak-ng and aplay for the voice"
        as_root apt-get install -y --no-install-recommends python3-venv libportaudio2 espeak-ng alsa-utils
    fi
    say "the program, in a virtual environment of its own: $prefix (it sees Debian's Python packages: the camera's"
    say "bindings exist only there)"
    [ -x "$prefix/bin/python" ] || as_root python3 -m venv --system-site-packages "$prefix"
    as_root "$prefix/bin/python" -m pip install --quiet --disable-pip-version-check "$root"
    if ! getent passwd heychip >/dev/null; then
        say "a system user heychip, so that the service need not be root"
        as_root useradd --system --user-group --home-dir /var/lib/heychip --shell /usr/sbin/nologin heychip
    fi
fi

config=$DESTDIR/etc/heychip/heychip.toml
as_root mkdir -p "$DESTDIR/etc/heychip" "$DESTDIR/etc/systemd/system"
if [ -e "$config" ] || [ -L "$config" ]; then
    say "the configuration stays as it is: $config"
else
    say "a configuration to start from: $config"
    as_root install -m 0644 "$here/heychip.toml" "$config"
    # It may come to hold a password in a command, so only root and the service read it.
    [ -n "$DESTDIR" ] || { as_root chown root:heychip "$config"; as_root chmod 0640 "$config"; }
fi

unit=$DESTDIR/etc/systemd/system/heychip.service
say "the service: $unit"
temporary=$(mktemp)
trap 'rm -f "$temporary"' EXIT
sed "s|^ExecStart=/opt/heychip/|ExecStart=$prefix/|" "$here/heychip.service" >"$temporary"
as_root install -m 0644 "$temporary" "$unit"

if [ -n "$DESTDIR" ]; then
    say "files only (DESTDIR is set)"
elif [ -d /run/systemd/system ]; then
    say "starting it now and at every boot"
    as_root systemctl daemon-reload
    as_root systemctl enable --quiet heychip.service
    as_root systemctl restart heychip.service
    say "see how it is:  systemctl status heychip    what it hears:  journalctl -fu heychip"
else
    say "systemd does not run here; start it by hand:  $prefix/bin/heychip run --config $config"
fi
