"""A slice of a graph that many ask at once.

One thread does the work, always what is due first: a text when it came, a piece of a wave when its listener has heard all
before it. So what was just asked for goes before what nobody waits for yet, and a long text does not keep a short one
waiting. Rows that came while the thread was busy are prepared together. Nothing is waited for that is not there yet.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

from runner.speak.live import Live, Lost
from runner.speak.playback import pcm16

COUNTED = ", ".join(map(str, range(1, 11)))
BATCH = 4  # rows that are prepared together at most: two save a fourth of the time, more save nothing


class Speaker:
    """Says rows of the slice's source. Its blocks are loaded, and have spoken once, when it is made."""

    def __init__(self, live: Live):
        self.live = live
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="speaker")
        self._asked: list[tuple[float, int, dict, asyncio.Future]] = []  # rows to prepare, each with when it came
        self._begun: list[tuple[float, int, Iterator, asyncio.Future]] = []  # waves, each with when more of it is due
        self._number = itertools.count()  # of two that are due at once the first goes first
        self._working: asyncio.Task | None = None
        self._thread.submit(self._warm).result()

    async def awake(self) -> None:
        """Who can be asked has spoken already."""

    async def speak(self, row: dict) -> AsyncIterator[dict | bytes]:
        """First ``{"samples": n}``, or ``{"reason": ..., "node": ...}`` for a row that cannot be said; then 16-bit PCM.

        Raises BadItem where the wave turns out to be unusable on the way.
        """
        due = time.monotonic()
        ready = await self._result(self._asked, due, row)
        if isinstance(ready, Lost):
            yield {"reason": ready.reason, "node": ready.node}
            return
        yield {"samples": ready.samples}
        waves = self.live.waves(ready)
        while (wave := await self._result(self._begun, due, waves)) is not None:
            due = max(due, time.monotonic()) + len(wave) / self.live.sample_rate
            yield pcm16(wave)

    async def _result(self, todo: list, due: float, what):
        """Of a row or a wave, once its turn has come."""
        result = asyncio.get_running_loop().create_future()
        heapq.heappush(todo, (due, next(self._number), what, result))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await result

    async def _work(self) -> None:
        """Whatever is due first, until nothing is."""
        loop = asyncio.get_running_loop()
        while self._asked or self._begun:
            if not self._begun or (self._asked and self._asked[0] < self._begun[0]):
                function, most, todo = self.live.prepare, BATCH, self._asked
            else:
                function, most, todo = _next, 1, self._begun
            some = [heapq.heappop(todo) for _ in range(min(most, len(todo)))]
            some = [(what, result) for _, _, what, result in some if not result.done()]  # others hung up
            if not some:
                continue
            try:
                made = await loop.run_in_executor(self._thread, function, [what for what, _ in some])
            except Exception as error:
                made = [error] * len(some)
            for (_, result), found in zip(some, made):
                if result.done():
                    continue
                if isinstance(found, Exception):
                    result.set_exception(found)
                else:
                    result.set_result(found)
        self._working = None

    def _warm(self) -> None:
        """Load every block, and say what the source's own settings have, or else what is written alike everywhere."""
        if not self.live.warm({}):
            self.live.warm({"text": COUNTED})


def _next(waves: list[Iterator]) -> list:
    """The next piece of each, or None at its end."""
    return [next(each, None) for each in waves]
