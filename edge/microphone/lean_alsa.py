"""Keeps ALSA from loading video codecs while PortAudio looks for microphones.

PortAudio opens every device that ALSA's configuration names. Where libasound2-plugins is installed one of
them is `a52`, which encodes what is played for a home cinema: to try it loads libavcodec with all that this
needs, 13 MB resident on Debian 12, and no sound ever comes in there. So it is taken out of the configuration
that this process has read, and of nothing else. What ends PortAudio drops that, so this is to be done before
each start.
"""

from __future__ import annotations

import ctypes
import logging

LIBRARY = "libasound.so.2"
ONLY_OUT = (b"pcm.a52",)

log = logging.getLogger(__name__)


def leave_out() -> None:
    """To be called before PortAudio starts. Where there is no ALSA, or it is another one, nothing is done."""
    try:
        alsa = ctypes.CDLL(LIBRARY)
        top = ctypes.c_void_p.in_dll(alsa, "snd_config")
        update, search, delete = alsa.snd_config_update, alsa.snd_config_search, alsa.snd_config_delete
    except (OSError, ValueError, AttributeError):
        return
    search.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p))
    delete.argtypes = (ctypes.c_void_p,)
    if update() < 0 or not top:
        return  # PortAudio will say the same
    for name in ONLY_OUT:
        found = ctypes.c_void_p()
        if search(top, name, ctypes.byref(found)) == 0:
            failed = delete(found)
            log.debug("event=alsa_left_out device=%s failed=%d", name.decode(), failed)
