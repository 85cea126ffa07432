"""The subcommands of `heychip`, one file each: `add` describes it to argparse, `main` does it."""
