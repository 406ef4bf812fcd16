"""A slice of a graph that many ask at once.

One thread does the work. Rows that came while it was busy are prepared together, and the pieces of all waves take turns,
so that a long text does not keep a short one waiting. Nothing is waited for that is not there yet.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from runner.speak.live import Live, Lost, Ready
from runner.speak.playback import pcm16

COUNTED = ", ".join(map(str, range(1, 21)))
BATCH = 16  # rows that are prepared together at most


class Speaker:
    """Says rows of the slice's source. Its blocks are loaded, and have spoken once, when it is made."""

    def __init__(self, live: Live):
        self.live = live
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="speaker")
        self._waiting: list[tuple[dict, asyncio.Future]] = []
        self._preparing: asyncio.Task | None = None
        self._thread.submit(self._warm).result()

    async def awake(self) -> None:
        """Who can be asked has spoken already."""

    async def speak(self, row: dict) -> AsyncIterator[dict | bytes]:
        """First ``{"samples": n}``, or ``{"reason": ..., "node": ...}`` for a row that cannot be said; then 16-bit PCM.

        Raises BadItem where the wave turns out to be unusable on the way.
        """
        ready = await self._prepared(row)
        if isinstance(ready, Lost):
            yield {"reason": ready.reason, "node": ready.node}
            return
        yield {"samples": ready.samples}
        waves = self.live.waves(ready)
        while (wave := await self._work(next, waves, None)) is not None:
            yield pcm16(wave)

    async def _prepared(self, row: dict) -> Ready | Lost:
        asked = asyncio.get_running_loop().create_future()
        self._waiting.append((row, asked))
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare())
        return await asked

    async def _prepare(self) -> None:
        """What waits, until nothing does."""
        while self._waiting:
            some, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            some = [(row, asked) for row, asked in some if not asked.done()]  # others hung up
            try:
                made = await self._work(self.live.prepare, [row for row, _ in some])
            except Exception as error:
                made = [error] * len(some)
            for (_, asked), result in zip(some, made):
                if asked.done():
                    continue
                if isinstance(result, Exception):
                    asked.set_exception(result)
                else:
                    asked.set_result(result)
        self._preparing = None

    async def _work(self, function, *args):
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    def _warm(self) -> None:
        """Load every block, and say what the source's own settings have, or else what is written alike everywhere."""
        if not self.live.warm({}):
            self.live.warm({"text": COUNTED})
