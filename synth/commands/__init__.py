"""The subcommands of `heychip-synth`, one file each: `add` describes it to argparse, `main` does it."""
