"""How fast a training goes, and how much of its time it waits for data: what a progress bar and metrics.json tell."""

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_STEPS = 50  # over which speed is measured: the first ones compile, and machines are shared


class Pace:
    """Of one attempt in one process; `clock` gives seconds."""

    def __init__(self, padding: float, clock: Callable[[], float] = time.perf_counter):
        self.padding, self.clock = padding, clock  # share of padding in what is computed
        self.started: float | None = None
        self.waited = 0.0  # s
        self.steps: deque[tuple[float, int, int]] = deque(maxlen=_STEPS + 1)  # (when, frames and items since the start)

    def wait(self, give: Callable[[], T]) -> T:
        """What `give` returns; the time it takes counts as waiting."""
        asked = self.clock()
        self.started = asked if self.started is None else self.started
        given = give()
        self.waited += self.clock() - asked
        if not self.steps:
            self.steps.append((self.clock(), 0, 0))
        return given

    def step(self, frames: int, items: int) -> None:
        """Count a finished step."""
        _, frames_before, items_before = self.steps[-1]
        self.steps.append((self.clock(), frames_before + frames, items_before + items))

    @property
    def waiting(self) -> float:
        """Share of the time so far."""
        return self.waited / max(self.clock() - self.started, 1e-9) if self.started is not None else 0.0

    def summary(self) -> dict[str, float]:
        """``frames_per_s`` and ``items_per_s`` of the last steps, ``waiting`` and ``padding``."""
        speeds = {}
        if len(self.steps) > 1:
            (begun, *before), (now, *after) = self.steps[0], self.steps[-1]
            rates = [(b - a) / max(now - begun, 1e-9) for a, b in zip(before, after)]
            speeds = dict(zip(("frames_per_s", "items_per_s"), rates))
        return {**speeds, "waiting": self.waiting, "padding": self.padding}
