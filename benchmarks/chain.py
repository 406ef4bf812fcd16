"""The chain that runner_overhead.py measures, and how Apache Hamilton and Haystack 2 run it.

A contender gives what to say about itself and a function that runs all items once and returns the seconds.
"""

import importlib.metadata
import os
import time

NODES, BATCH = 6, 16


def vectors(items: int) -> list:
    import numpy as np

    return [np.full(16, n, "float32") for n in range(items)]


def timed(work, *packages: str) -> tuple[dict, object]:
    """Seconds of the fastest of a few passes in a row: what another process takes away is not the contender's."""

    def measure() -> float:
        passes, end = [], time.perf_counter() + 0.1
        while not passes or (time.perf_counter() < end and len(passes) < 9):
            start = time.perf_counter()
            work()
            passes.append(time.perf_counter() - start)
        return min(passes)

    return {"versions": [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", *packages)]}, measure


def hamilton(items: int, size: int = 1):
    os.environ["HAMILTON_TELEMETRY_ENABLED"] = "false"
    import numpy as np
    from hamilton import driver
    from hamilton.ad_hoc_utils import create_temporary_module

    kind, body = ("np.ndarray", "{0} + 1") if size == 1 else ("list", "[x + 1 for x in {0}]")
    source = "\n".join(
        f"def n{i + 1}(n{i}: {kind}) -> {kind}:\n    return {body.format(f'n{i}')}" for i in range(NODES)
    )
    space = {"np": np}
    exec(source, space)
    module = create_temporary_module(*(space[f"n{i + 1}"] for i in range(NODES)), module_name="chain")
    graph, last = driver.Builder().with_modules(module).build(), [f"n{NODES}"]
    data = chunks(items, size)
    return timed(lambda: [graph.execute(last, inputs={"n0": x}) for x in data], "apache-hamilton")


def haystack(items: int, size: int = 1):
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    import numpy as np
    from haystack import Pipeline, component

    kind = np.ndarray if size == 1 else list

    @component
    class Step:
        @component.output_types(x=kind)
        def run(self, x: kind):
            return {"x": x + 1 if size == 1 else [one + 1 for one in x]}

    pipeline = Pipeline()
    for i in range(NODES):
        pipeline.add_component(f"n{i}", Step())
    for i in range(NODES - 1):
        pipeline.connect(f"n{i}.x", f"n{i + 1}.x")
    data = chunks(items, size)
    return timed(lambda: [pipeline.run({"n0": {"x": x}}) for x in data], "haystack-ai")


def chunks(items: int, size: int) -> list:
    data = vectors(items)
    return data if size == 1 else [data[at : at + size] for at in range(0, items, size)]
