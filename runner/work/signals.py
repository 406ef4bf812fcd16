"""Requests to end: by the keyboard, and from outside, as of SLURM or Docker."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FROM_OUTSIDE = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def answered(answer: Callable, *numbers: int) -> Iterator[None]:
    """Let `answer(number, frame)` be called for these signals, for a while. For the main thread alone."""
    before = {number: signal.signal(number, answer) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def terminable():
    """Requests from outside are as Ctrl-C, for a while."""
    return answered(signal.default_int_handler, *FROM_OUTSIDE)
