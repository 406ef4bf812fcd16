"""Notes when each step of a training begins, and holds the process to one core."""

import os
import time
from pathlib import Path

from blocks.training import FitConfig


class Timed(FitConfig):
    log: str = ""  # a file that gets "rank process step time processor-time" as each step begins
    core: int = 0  # of rank 0; the next rank is on the next


def clocked(run, config: Timed):
    """The same run, whose batches are noted."""
    pin(config.core + run.rank)
    batches = run.batches

    def noted(**named):
        with Path(config.log).open("a") as log:
            for batch in batches(**named):
                log.write(f"{run.rank} {os.getpid()} {batch.step} {time.time():.6f} {time.process_time():.6f}\n")
                log.flush()
                yield batch

    run.batches = noted
    return run


def pin(core: int) -> None:
    """To that core, or the first after as many as there are; threads that are there already, too."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), [cores[core % len(cores)]])
