#!/bin/sh
# Removes the heychip service and its program. Running it again does nothing.
#
#   systemd/uninstall.sh [--prefix DIR] [--purge]
#
# --prefix DIR   where the program is (default /opt/heychip)
# --purge        the configuration, drop-ins of your own, events and models, and the group heychip-config go too
# DESTDIR=DIR    only remove the files under DIR
set -eu

prefix=/opt/heychip
purge=no
DESTDIR=${DESTDIR:-}

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
    case $1 in
        --prefix) [ $# -ge 2 ] || { usage >&2; exit 2; }; prefix=$2; shift 2 ;;
        --purge) purge=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        *) echo "uninstall.sh: unknown argument $1" >&2; usage >&2; exit 2 ;;
    esac
done

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

# away PLACE: a file or a folder goes, where it is there.
away() {
    if [ -e "$DESTDIR$1" ] || [ -L "$DESTDIR$1" ]; then
        say "removing $DESTDIR$1"
        as_root rm -rf "${DESTDIR:-}${1:?}"
    fi
}

unit=/etc/systemd/system/heychip.service
live=no
[ -n "$DESTDIR" ] || [ ! -d /run/systemd/system ] || live=yes
if [ "$live" = yes ] && [ -e "$unit" ]; then
    say "stopping the service"
    as_root systemctl disable --quiet --now heychip.service
fi
for place in "$unit" "$unit.d/backoff.conf" /etc/sysusers.d/heychip.conf /etc/tmpfiles.d/heychip.conf \
    /etc/udev/rules.d/70-heychip.rules; do
    away "$place"
done
if [ -d "$DESTDIR$unit.d" ]; then
    as_root rmdir --ignore-fail-on-non-empty "$DESTDIR$unit.d"
fi
if [ "$live" = yes ]; then
    as_root systemctl daemon-reload
fi

# Only what install.sh made: a virtual environment that holds heychip.
if [ -e "$DESTDIR$prefix/pyvenv.cfg" ] && [ -e "$DESTDIR$prefix/bin/heychip" ]; then
    away "$prefix"
fi

if [ "$purge" = yes ]; then
    # /var/lib/heychip is a link to what a DynamicUser keeps in /var/lib/private.
    for folder in /etc/heychip "$unit.d" /var/lib/heychip /var/lib/private/heychip /var/cache/heychip \
        /var/cache/private/heychip; do
        away "$folder"
    done
    if [ -z "$DESTDIR" ] && getent group heychip-config >/dev/null; then
        say "removing the group heychip-config"
        as_root groupdel heychip-config
    fi
elif [ -e "$DESTDIR/etc/heychip" ]; then
    say "keeping the configuration: $DESTDIR/etc/heychip (--purge removes it)"
fi
