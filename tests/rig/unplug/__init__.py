"""Everything that happens to a microphone, done to the daemon on a real sound server: `python -m tests.rig.unplug`."""
