"""How fast `vocoder.rnn_ms` draws samples, one stream or many at once, beside the same network in torch, not compiled.

    python benchmarks/vocoder_rnn.py [--sizes small,paper] [--streams 1,64] [--rounds 7] [--threads 1]

One warm process for each contender, called in turn, held to the same number of cores; random weights of the same shapes;
what is known from the log-mel is given to all. Two peers, written here: `loop` is how public code of this kind speaks (a
recurrent cell over embedding and conditioning, a categorical distribution, one stream, `.item()` at each sample, which
goes round the streams one after the other), `batched` takes all streams at once with the same cell, chance drawn beforehand
and the inverse of the distribution. Ours is the compiled loop of `blocks.vocoder.rnn_ms.synthesis`. Throughput is before what
the overlap of folded pieces costs. Ours does less:
the embedding's gates are tabulated and the conditioning's made once a row, where the peers multiply them out for every sample.
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.flow import pin  # noqa: E402 - found by the line above
from benchmarks.timing import Worker, machine, ratios, rounds, serve, spread  # noqa: E402

HOP, CLASSES, RATE = 200, 1024, 16000
CONTENDERS = ("jax", "loop", "batched")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="small,paper")
    parser.add_argument("--streams", default="1,64")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="the small size, one stream, 1 round: to see that it runs")
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        size, streams = options.case.split(",")
        pin(options.threads)
        prepare = {"jax": ours, "loop": loop, "batched": batched}[options.worker]
        return serve(partial(prepare, widths(size), int(streams), options.threads))
    count = 1 if options.quick else options.rounds
    print(f"{options.threads} threads, median [least..greatest] of {count} rounds, {RATE} samples a second")
    print(machine())
    for size in ["small"] if options.quick else options.sizes.split(","):
        print(f"{size}: {widths(size)}")
        for streams in [1] if options.quick else map(int, options.streams.split(",")):
            if not compare(size, streams, count, options.threads):
                return


def compare(size: str, streams: int, count: int, threads: int) -> bool:
    """Print a case; False where a contender is not installed."""
    case = ["--case", f"{size},{streams}", "--threads", str(threads)]
    workers = {name: Worker(sys.executable, __file__, "--worker", name, *case) for name in CONTENDERS}
    if absent := [worker.about["absent"] for worker in workers.values() if "absent" in worker.about]:
        print(f"no {absent[0]} here: nothing to compare")
        return False
    took = rounds({name: worker.measure for name, worker in workers.items()}, count)
    speed = spread([1 / (RATE * seconds) for seconds in took["jax"]])
    first = workers["jax"].about["first"]
    print(f"  {streams:3} streams: ours {speed} x real time, first call {first:.1f} s")
    for name in ("loop", "batched"):
        print(f"       {name + ' / ours':15} {ratios(took[name], took['jax'])}")
    for worker in workers.values():
        worker.close()
    return True


def widths(size: str) -> dict:
    from blocks.vocoder.rnn_ms import SIZES

    return {name: getattr(SIZES[size], name) for name in ("conditioning", "embedding", "hidden", "linear")}


def a_sample(draw, samples: int) -> float:
    """Seconds a sample of one stream, where `draw` draws so many in all."""
    start = time.perf_counter()
    draw()
    return (time.perf_counter() - start) / samples


# ---- the contenders: what each is, and a function that times a call ----


def ours(size: dict, streams: int, threads: int):
    import jax
    import numpy as np

    from blocks.vocoder.rnn_ms import net, voice

    layers = {"mels": 80, "layers": 2, "classes": CLASSES}
    params = net.start(net.Net(**layers, **size), jax.random.key(0))["params"]
    rng, rows, hidden = np.random.default_rng(0), voice.ROWS, size["hidden"]
    known = 0.1 * rng.standard_normal((rows, 2 * size["conditioning"], streams), np.float32)
    chance = rng.random((rows, HOP, streams), np.float32)
    state = np.zeros((hidden, streams), np.float32), np.full(streams, CLASSES // 2, np.int32)
    weights = voice.folded(params, size["embedding"])
    given = jax.device_put((weights, state, known, np.ones((rows, streams), np.float32), chance))
    begin = time.perf_counter()
    jax.block_until_ready(voice.draw(*given))
    about = {"versions": jax.__version__, "first": time.perf_counter() - begin}
    return about, partial(a_sample, lambda: jax.block_until_ready(voice.draw(*given)), rows * HOP * streams)


def loop(size: dict, streams: int, threads: int):
    torch, parts, known = peer(size, 1, threads)
    count = HOP

    def draw():
        with torch.inference_mode():
            h, x, drawn = torch.zeros(1, size["hidden"]), torch.full((1,), CLASSES // 2), []
            for _ in range(count):
                h, odds = parts(x, known, h)
                x = torch.distributions.Categorical(torch.softmax(odds, dim=1)).sample()
                drawn.append(2 * x.item() / (CLASSES - 1) - 1)

    return {"versions": torch.__version__}, partial(a_sample, draw, count)


def batched(size: dict, streams: int, threads: int):
    torch, parts, known = peer(size, streams, threads)
    count = HOP

    def draw():
        with torch.inference_mode():
            h, x = torch.zeros(streams, size["hidden"]), torch.full((streams,), CLASSES // 2)
            drawn, chance = torch.empty(count, streams, dtype=torch.long), torch.rand(count, streams, 1)
            for step in range(count):
                h, odds = parts(x, known, h)
                upto = torch.softmax(odds, dim=1).cumsum(dim=1)
                x = torch.searchsorted(upto, chance[step] * upto[:, -1:])[:, 0].clamp_(max=CLASSES - 1)
                drawn[step] = x

    return {"versions": torch.__version__}, partial(a_sample, draw, count * streams)


def peer(size: dict, streams: int, threads: int):
    """torch, one step (classes, conditioning, state) -> (state, logits), and the conditioning of a row."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    embedding, wide = size["embedding"], 2 * size["conditioning"]
    embed, cell = torch.nn.Embedding(CLASSES, embedding), torch.nn.GRUCell(embedding + wide, size["hidden"])
    first, last = torch.nn.Linear(size["hidden"], size["linear"]), torch.nn.Linear(size["linear"], CLASSES)

    def step(x, known, h):
        h = cell(torch.cat([embed(x), known], dim=1), h)
        return h, last(torch.relu(first(h)))

    return torch, step, 0.1 * torch.randn(streams, wide)


if __name__ == "__main__":
    main()
