"""What a program in the service's place can do, a line for each thing; test_systemd.py runs it there."""

import socket
from pathlib import Path

PLACES = """/ /etc /etc/heychip /usr /opt/heychip /boot /home /root /run /run/systemd /srv /sys
/proc/sys/kernel /var /var/log /var/lib /var/spool /var/lib/heychip /var/cache/heychip /run/heychip
/tmp /var/tmp /dev/shm"""

for place in PLACES.split():
    try:
        (Path(place) / "probe").write_text("x")
        print("writes", place)
    except OSError as error:
        print("cannot write", place, error)
for device in ("null", "urandom", "tun"):
    try:
        with Path("/dev", device).open("rb"):
            print("opens", f"/dev/{device}")
    except OSError as error:
        print("cannot open", device, error)
for group in ("audio", "video", "gpio"):
    try:
        print("reads", Path("/etc/rig", group).read_text())
    except OSError as error:
        print("cannot read", group, error)
for host in ("127.0.0.1", "192.168.77.1", "203.0.113.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        try:
            out.sendto(b"x", (host, 9))
            print("sends", host)
        except OSError as error:
            print("cannot send", host, error)
