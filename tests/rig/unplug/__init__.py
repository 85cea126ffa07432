"""What happens to microphones, done to the daemon on a real sound server: `python -m tests.rig.unplug`."""
