"""How fast `vocoder.fourier` speaks, beside the same network in torch (eager) and, exported, in ONNX Runtime.

    python benchmarks/vocoder.py [--seconds 1,4,12] [--rounds 7] [--threads 1] [--agree 16]

`--agree`: in how many rounds of Griffin-Lim frames come to agree on their phases; every contender does as many.

One warm process for each contender, called in turn, held to the same number of cores; random weights of the same shapes, one
utterance at a time, from scaled log-mel to samples; ours in the padded length that it is really given. Then ours alone: the first call of a
length, which compiles it, and the same from the compiler's cache; how long a stream lets wait for its first audio; and
the peak memory after ten minutes of audio in one piece, over that after ten seconds.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.flow import pin  # noqa: E402 - found by the line above
from benchmarks.timing import Worker, machine, ratios, rounds, serve, spread  # noqa: E402

CONTENDERS = ("jax", "torch", "onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", default="1,4,12")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--agree", type=int, default=os.environ.get("AGREE", "16"))
    parser.add_argument("--quick", action="store_true", help="one second, one round: to see that it runs")
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--alone", choices=ALONE, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["AGREE"] = str(options.agree)  # for the workers
    if options.worker or options.alone:
        pin(options.threads)
    if options.alone:
        return print(ALONE[options.alone](options.case))
    if options.worker:
        prepare = {"jax": ours, "torch": peer, "onnx": exported}[options.worker]
        return serve(partial(prepare, float(options.case), options.threads))
    count = 1 if options.quick else options.rounds
    print(f"{options.agree} rounds of phases, {options.threads} threads, median [least..greatest] of {count} rounds")
    print(machine())
    for seconds in [1.0] if options.quick else map(float, options.seconds.split(",")):
        compare(seconds, count, options.threads)
    if not options.quick:
        ours_alone(options.threads)


def compare(seconds: float, count: int, threads: int) -> None:
    case = ["--case", str(seconds), "--threads", str(threads)]
    workers = {name: Worker(sys.executable, __file__, "--worker", name, *case) for name in CONTENDERS}
    for name in [name for name, worker in workers.items() if "absent" in worker.about]:
        print(f"no {workers.pop(name).about['absent']} here: {name} is left out")
    took = rounds({name: worker.measure for name, worker in workers.items()}, count)
    for name, worker in workers.items():
        beside = "" if name == "jax" else f"; it / ours {ratios(took[name], took['jax'])}"
        print(f"  {seconds:4g} s, {name:5} {spread([seconds / one for one in took[name]])} x real time{beside}")
        worker.close()


def ours_alone(threads: int) -> None:
    def ask(what: str, case: str, **more) -> list[float]:
        command = [sys.executable, __file__, "--alone", what, "--case", case, "--threads", str(threads)]
        said = subprocess.run(command, env=os.environ | more, stdout=subprocess.PIPE, text=True, check=True).stdout
        return [float(word) for word in said.split()]

    with tempfile.TemporaryDirectory() as cache:
        kept = {
            "JAX_COMPILATION_CACHE_DIR": cache,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        (cold,), (warm,) = ask("first", "4", **kept), ask("first", "4", **kept)
    print(f"  first call, 4 s: {cold:.2f} s, from the compiler's cache {warm:.2f} s")
    ahead, chunk, waited = ask("stream", "0.5")
    print(f"  stream: looks {ahead:.2f} s ahead; first audio {1000 * waited:.0f} ms after {chunk:.2f} s of mel came in")
    (short,), (long,) = ask("memory", "10"), ask("memory", "600")
    print(f"  peak memory: {short:.0f} MiB for 10 s, {long:.0f} MiB for 600 s of audio")


# ---- the contenders: what each is, and a function that times a call ----


def block():
    """A vocoder of the default size with random weights."""
    import jax
    import numpy as np

    from blocks.spec import AudioSpec
    from blocks.vocoder.fourier import Config, Fourier

    made = Fourier(Config(rounds=int(os.environ["AGREE"])), AudioSpec())
    rng = np.random.default_rng(0)
    draw = lambda a: (rng.standard_normal(a.shape) / np.sqrt(max(a.shape[0], 1))).astype("float32")  # noqa: E731
    made._params, made._scale = jax.tree.map(draw, made._wanted), np.array([-5.0, 2.0], np.float32)
    return made


def mel(made, seconds: float):
    import numpy as np

    frames = int(seconds * made.spec.frame_rate)
    return np.random.default_rng(1).normal(-5, 2, (frames, made.spec.n_mels)).astype(np.float32)


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def ours(seconds: float, threads: int):
    import jax

    from blocks.vocoder.schema import Spectral

    made = block()
    items = [Spectral(log_mel=mel(made, seconds))]
    return {"versions": jax.__version__}, partial(timed, lambda: made.apply(items))


def peer(seconds: float, threads: int):
    """The network as public code has it: grouped convolutions, erf GELU aside, `torch.istft`-like overlap by fold."""
    import torch

    from blocks.vocoder.fourier.sound import STEPS

    torch.set_num_threads(threads)
    made = block()
    config, size, hop = made.config, made._size, made.spec.hop_length
    hidden, wide = config.hidden, config.wide

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.deep = torch.nn.Conv1d(hidden, hidden, 7, padding=3, groups=hidden)
            self.norm = torch.nn.LayerNorm(hidden, eps=1e-6)
            self.widen, self.narrow = torch.nn.Linear(hidden, wide), torch.nn.Linear(wide, hidden)
            self.gain = torch.nn.Parameter(torch.full((hidden,), 0.1))

        def forward(self, x):
            h = self.norm(self.deep(x).transpose(1, 2))
            h = self.narrow(torch.nn.functional.gelu(self.widen(h), approximate="tanh"))
            return x + (self.gain * h).transpose(1, 2)

    first = torch.nn.Conv1d(made.spec.n_mels, hidden, 7, padding=3)
    norms = torch.nn.LayerNorm(hidden, eps=1e-6), torch.nn.LayerNorm(hidden, eps=1e-6)
    layers = torch.nn.Sequential(*(Layer() for _ in range(config.layers)))
    heads, window = [torch.nn.Linear(hidden, size // 2 + 1) for _ in range(2)], torch.hann_window(size)
    filters, share, places = made._sound.tables
    filters, share, (below, above, between) = tensors(filters), tensors(share), map(tensors, places)
    given = torch.from_numpy(mel(made, seconds))[None]
    side, weights = (size - hop) // 2, {}

    def told(log_mel):
        heard = log_mel.exp()
        power = heard @ share
        for _ in range(STEPS):
            power = (power * ((heard / (power @ filters).clamp(min=1e-12)) @ share)).clamp(min=1e-12)
        return power[..., below] * (1 - between) + power[..., above] * between

    def overlapped(frames):
        shape = (1, (frames.shape[-1] - 1) * hop + size)
        return torch.nn.functional.fold(frames, shape, (1, size), stride=(1, hop))[0, 0, 0]

    def inverse(spectrum):
        frames = torch.fft.irfft(spectrum, size, dim=1) * window[:, None]
        if not weights:
            weights[0] = overlapped((window**2)[None, :, None].expand(1, -1, frames.shape[-1]).contiguous())
        return (overlapped(frames) / weights[0].clamp(min=1e-3))[side:-side]

    def transform(wave):
        frames = torch.nn.functional.pad(wave, (side, side)).unfold(0, size, hop) * window
        return torch.fft.rfft(frames).T[None]

    def speak():
        with torch.inference_mode():
            h = layers(norms[0](first(given.transpose(1, 2)).transpose(1, 2)).transpose(1, 2))
            beyond, phase = (head(norms[1](h.transpose(1, 2))).transpose(1, 2) for head in heads)
            magnitude = ((told(given) + 1e-4).log().transpose(1, 2) + beyond).clamp(max=5).exp()
            spectrum = before = torch.polar(magnitude, phase)
            for _ in range(config.rounds):
                heard = transform(inverse(spectrum))
                ahead = heard + 0.99 * (heard - before)
                spectrum, before = magnitude * ahead / (ahead.abs() ** 2 + 1e-8).sqrt(), heard
            return inverse(spectrum).numpy()

    assert len(speak()) == made.spec.samples(given.shape[1])
    return {"versions": torch.__version__}, partial(timed, speak)


def tensors(array):
    import torch

    return torch.from_numpy(array.copy())


def exported(seconds: float, threads: int):
    import onnxruntime

    from blocks.vocoder.fourier.export import onnx

    made = block()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx(made, {}), options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: mel(made, seconds)[None]}
    return {"versions": onnxruntime.__version__}, partial(timed, lambda: session.run(None, given))


# ---- ours alone, each in a fresh process ----


def first(seconds: str) -> float:
    made = block()
    return timed(lambda: made._spoken(mel(made, float(seconds))))


def stream(seconds: str) -> str:
    """Look-ahead and chunk in seconds, and the wait from a chunk that is long enough to its audio, warm."""
    import numpy as np

    made = block()
    step = made.lookahead + int(float(seconds) * made.spec.frame_rate)
    whole = mel(made, 4.0)

    def wait() -> float:
        parts = made.stream(iter(np.array_split(whole, range(step, len(whole), step))))
        return timed(lambda: next(parts))

    wait()
    waited = sorted(wait() for _ in range(9))[4]
    rate = made.spec.frame_rate
    return f"{made.lookahead / rate} {step / rate} {waited}"


def memory(seconds: str) -> float:
    made = block()
    made._spoken(mel(made, float(seconds)))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


ALONE = {"first": first, "stream": stream, "memory": memory}

if __name__ == "__main__":
    main()
