"""PyAV, which reads both video files and Video4Linux cameras: the extra `[video]`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import DeviceError

REMEDY = "pip install 'heychip[video]'"


def pyav() -> Any:
    """The module, imported only when it is wanted. DeviceError names the remedy."""
    try:
        import av
    except ImportError as error:
        raise DeviceError(f"video files and USB cameras need PyAV ({error}); {REMEDY}") from error
    return av


def upright(frame: Any) -> NDArray[np.uint8]:
    """A frame of PyAV as RGB [height, width, 3], turned as its file says it is to be shown."""
    pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    # `rotation` is counter-clockwise, as np.rot90 turns; telephones film lying and remark a quarter turn.
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


def reason(error: BaseException) -> str:
    """libav's own words for what went wrong."""
    return str(getattr(error, "strerror", "") or error).strip() or type(error).__name__
