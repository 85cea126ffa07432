"""heychip on the Pi: hears a word, sees a thing, speaks back."""

import os

__version__ = "0.1.0"

# Since 1.29 the wheels of ONNX Runtime tell Microsoft about each session, over the network, and keep a
# database of it in ~/.cache. Not in a program that promises to stay offline. It reads this when it is first
# imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
