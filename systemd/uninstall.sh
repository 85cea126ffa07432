#!/bin/sh
# Removes the heychip service and its program. Running it again does nothing.
#
#   systemd/uninstall.sh [--prefix DIR] [--purge]
#
# --prefix DIR   where the program is (default /opt/heychip)
# --purge        the configuration, its events and models, and the user heychip go too
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

unit=$DESTDIR/etc/systemd/system/heychip.service
if [ -e "$unit" ]; then
    if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
        say "stopping the service"
        as_root systemctl disable --quiet --now heychip.service
    fi
    say "removing the service: $unit"
    as_root rm -f "$unit"
    if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
        as_root systemctl daemon-reload
    fi
fi

# Only what install.sh made: a virtual environment that holds heychip.
if [ -e "$DESTDIR$prefix/pyvenv.cfg" ] && [ -e "$DESTDIR$prefix/bin/heychip" ]; then
    say "removing the program: $DESTDIR$prefix"
    as_root rm -rf "$DESTDIR$prefix"
fi

if [ "$purge" = yes ]; then
    for folder in etc/heychip var/lib/heychip var/cache/heychip; do
        if [ -e "$DESTDIR/$folder" ]; then
            say "removing $DESTDIR/$folder"
            as_root rm -rf "${DESTDIR:?}/$folder"
        fi
    done
    if [ -z "$DESTDIR" ] && getent passwd heychip >/dev/null; then
        say "removing the user heychip"
        as_root userdel heychip
    fi
elif [ -e "$DESTDIR/etc/heychip" ]; then
    say "keeping the configuration: $DESTDIR/etc/heychip (--purge removes it)"
fi
