"""The command line: ``voxblocks``, or ``python -m runner``."""

from runner.cli.app import app, main

__all__ = ["app", "main"]
