"""heychip on the Pi: hears a word, sees a thing, speaks back."""

__version__ = "0.1.0"
