"""A program that listens in a rig: `capture.py BACKEND DEVICE CHANNEL OUT.npz`, told what to do line by line.

It prints `ready` at the first chunk, then obeys standard input: `save` writes what was heard since the
microphone was opened, `count` prints how many chunks that is, `reopen` closes it and opens it again, `close`
closes it. Errors are printed as `error ...`.
"""

from __future__ import annotations

import sys
from queue import Empty, SimpleQueue
from threading import Thread

import numpy as np

from edge.config import MicrophoneConfig
from edge.errors import DeviceError
from edge.microphone import Microphone, open_microphone


def say(*words: object) -> None:
    """One line to whoever started this."""
    print(*words, flush=True)


def opened(config: MicrophoneConfig) -> Microphone | None:
    """The microphone, or None after saying why not."""
    try:
        return open_microphone(config)
    except DeviceError as error:
        say("error", repr(str(error)))
        return None


def main() -> None:
    """Listen until standard input ends."""
    backend, device, channel, out = sys.argv[1:]
    config = MicrophoneConfig(backend=backend, device=device, channel=int(channel))
    orders: SimpleQueue[str] = SimpleQueue()
    Thread(target=take_orders, args=(orders,), daemon=True).start()
    microphone, heard = opened(config), []
    while (order := next_order(orders)) != "quit":
        if order == "save":
            np.savez(out, samples=np.concatenate([c.samples for c in heard]), rate_hz=heard[-1].rate_hz)
            say("saved")
        if order == "count":
            say("count", len(heard))
        if order in ("close", "reopen") and microphone is not None:
            microphone.close()
            microphone = None
            say("closed")
        if order == "reopen":
            microphone, heard = opened(config), []
        if microphone is None:
            continue
        try:
            chunk = microphone.read(0.1)
        except DeviceError as error:
            say("error", repr(str(error)))
            microphone.close()
            microphone = None
            continue
        if chunk is not None:
            heard.append(chunk)
            if len(heard) == 1:
                say("ready", chunk.rate_hz, chunk.samples.shape[1])
    if microphone is not None:
        microphone.close()


def take_orders(orders: SimpleQueue[str]) -> None:
    """Read standard input to its end."""
    for line in sys.stdin:
        orders.put(line.strip())
    orders.put("quit")


def next_order(orders: SimpleQueue[str]) -> str:
    """What to do next, or "" after a moment."""
    try:
        return orders.get(timeout=0.01)
    except Empty:
        return ""


if __name__ == "__main__":
    main()
