"""Typed text-to-speech building blocks. A block is named ``kind.variant`` after its path below this package."""
