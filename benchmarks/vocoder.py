"""How fast a vocoder speaks, beside the same network in torch (eager) and, exported, in ONNX Runtime.

    python benchmarks/vocoder.py [--block fourier] [--seconds 1,4,12] [--rounds 7] [--threads 1] [--agree 16]

`--block`: fourier; vocos, which has no ONNX; or istftnet, alone. `--agree`, of fourier: in how many rounds of Griffin-Lim frames come to agree on their phases; every contender does as many.

One warm process for each contender, called in turn, held to the same number of cores; the same random weights, one
utterance at a time, from log-mel to samples; ours in the padded length that it is really given. What the others say of
a second is first held against what ours says. Then ours alone: the first call of a length, which compiles it, and the
same from the compiler's cache; how long a stream lets wait for its first audio; and the peak memory after ten minutes
of audio in one piece, over that after ten seconds.
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

CONTENDERS = {"fourier": ("jax", "torch", "onnx"), "vocos": ("jax", "torch"), "istftnet": ("jax",)}
ALIKE = 1e-2  # of the peak: phases are sums of rounded steps, and rounds of Griffin-Lim widen what sets two apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--block", choices=CONTENDERS, default=os.environ.get("BLOCK", "fourier"))
    parser.add_argument("--seconds", default="1,4,12")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--agree", type=int, default=os.environ.get("AGREE", "16"))
    parser.add_argument("--quick", action="store_true", help="one second, one round: to see that it runs")
    parser.add_argument("--worker", choices=CONTENDERS["fourier"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--alone", choices=ALONE, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.update(AGREE=str(options.agree), BLOCK=options.block)  # for the workers
    if options.worker or options.alone:
        pin(options.threads)
    if options.alone:
        return print(ALONE[options.alone](options.case))
    if options.worker:
        prepare = {"jax": ours, "torch": peer, "onnx": exported}[options.worker]
        return serve(partial(prepare, float(options.case), options.threads))
    count = 1 if options.quick else options.rounds
    phases = f", {options.agree} rounds of phases" if options.block == "fourier" else ""
    print(f"vocoder.{options.block}{phases}, {options.threads} threads, median [least..greatest] of {count} rounds")
    print(machine())
    for seconds in [1.0] if options.quick else map(float, options.seconds.split(",")):
        compare(seconds, count, options.threads)
    if not options.quick:
        ours_alone(options.threads)


def compare(seconds: float, count: int, threads: int) -> None:
    case = ["--case", str(seconds), "--threads", str(threads)]
    workers = {
        name: Worker(sys.executable, __file__, "--worker", name, *case) for name in CONTENDERS[os.environ["BLOCK"]]
    }
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
        output = subprocess.run(command, env=os.environ | more, stdout=subprocess.PIPE, text=True, check=True).stdout
        return [float(word) for word in output.split()]

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

    from blocks.load import find
    from blocks.spec import AudioSpec

    kind = find(f"vocoder.{os.environ['BLOCK']}")
    made = kind(
        kind.Config(**({"rounds": int(os.environ["AGREE"])} if os.environ["BLOCK"] == "fourier" else {})), AudioSpec()
    )
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
    """The same network in eager torch: grouped convolutions, one FFT a view for both sources, overlap by `fold`."""
    import torch

    torch.set_num_threads(threads)
    made = block()
    spoken = torch_fourier(made) if os.environ["BLOCK"] == "fourier" else torch_vocos(made)

    def speak(log_mel):
        with torch.inference_mode():
            return spoken(torch.from_numpy(log_mel)).clamp(-1, 1).numpy()

    check_alike(made, speak)
    return {"versions": torch.__version__}, partial(timed, partial(speak, mel(made, seconds)))


def check_alike(made, speak) -> None:
    """Raises ValueError where a contender says something else than ours: then its time is that of other work."""
    import numpy as np

    wanted = made._synthesise(mel(made, 0.25))  # phases of a long one drift by rounding
    off = np.abs(speak(mel(made, 0.25)) - wanted).max() / np.abs(wanted).max()
    if not off < ALIKE:
        raise ValueError(f"a contender's wave is {off:.2g} of our peak away from ours, want under {ALIKE:g}")


def torch_fourier(made):
    """Log-mel (T, M) -> the wave (T * hop)."""
    network, shaped, phased = torch_network(made), torch_source(made), torch_phases(made)
    return lambda log_mel: phased(*shaped(log_mel, network(log_mel)))


def torch_vocos(made):
    """Log-mel (T, M) -> the wave (T * hop)."""
    import torch

    from blocks.vocoder.vocos.net import LOUDEST, QUIETEST, back

    params, (mean, deviation) = in_torch(made._params), map(float, made._scale)
    hidden, (_, inverse) = torch_backbone(params, made.config), torch_transforms(made)
    bins = torch.from_numpy(back(made.spec, made._size))

    def spoken(log_mel):
        heads = dense(hidden((log_mel - mean) / deviation), params["head"])
        log_magnitude, phase = heads.chunk(2, dim=1)
        prior = (log_mel.exp() @ bins).abs().clamp(min=QUIETEST).log()
        return inverse(torch.polar((log_magnitude + prior).clamp(max=20).exp().clamp(max=LOUDEST), phase))

    return spoken


def dense(x, p):
    from torch.nn import functional as F

    return F.linear(x, p["kernel"], p["bias"])


def torch_backbone(params, config):
    """What goes into the ConvNeXt blocks (T, C) -> what comes out (T, H)."""
    from torch.nn import functional as F

    def norm(x, p):
        return F.layer_norm(x, (config.hidden,), p["scale"], p["bias"], 1e-6)

    def conv(x, p, groups=1):
        return F.conv1d(x.T, p["taps"], p["bias"], padding=p["taps"].shape[-1] // 2, groups=groups).T

    def hidden(x):
        h = norm(conv(x, params), params["norm_in"])
        for n in range(config.layers):
            p = params[f"block_{n}"]
            wide = F.gelu(dense(norm(conv(h, p, groups=config.hidden), p["norm"]), p["widen"]), approximate="tanh")
            h = h + p["gain"] * dense(wide, p["narrow"])
        return norm(h, params["norm_out"])

    return hidden


def torch_network(made):
    """Log-mel (T, M) -> what every head of fourier tells of it (T, ...), by name; with the weights of the block."""
    import torch

    from blocks.vocoder.fourier.mel_analysis import FAINT
    from blocks.vocoder.fourier.net import SURE

    params, (mean, deviation) = in_torch(made._params), map(float, made._scale)
    hidden = torch_backbone(params, made.config)
    relief, patterns = in_torch(made._analysis.patterns)

    def likeness(log_mel):
        heard = log_mel.exp().clamp(min=FAINT).log() @ relief
        return heard @ patterns / (heard.square().sum(-1, keepdim=True) + 1e-6).sqrt()

    def network(log_mel):
        like = likeness(log_mel)
        h = hidden(torch.cat([(log_mel - mean) / deviation, like], 1))
        heads = {name: dense(h, params[name]) for name in ("phase", "noisy", "pitch", "voiced")}
        return heads | {"pitch": heads["pitch"] + SURE * like}

    return network


def in_torch(given):
    """Arrays, trees and tuples of them as tensors; kernels and taps with the channels that come out first."""
    import numpy as np
    import torch

    if isinstance(given, dict):
        tree = {name: in_torch(value) for name, value in given.items()}
        turned = {"kernel": lambda w: w.T, "taps": lambda w: w.T[:, None] if w.ndim == 2 else w.permute(2, 1, 0)}
        return tree | {name: turned[name](tree[name]).contiguous() for name in turned if name in tree}
    return tuple(map(in_torch, given)) if isinstance(given, tuple) else torch.from_numpy(np.array(given))


def torch_source(made):
    """Log-mel (T, M) and what was told of it -> magnitude (T, F) and first spectrum (T, F) of harmonics and noise, shaped."""
    import torch

    from blocks.vocoder.fourier.mel_analysis import FAINT, LEAST, STEPS
    from blocks.vocoder.fourier.net import LOUDEST
    from blocks.vocoder.fourier.source import noise_table

    hilbert = torch.from_numpy(made._analysis.hilbert)
    filters, share = in_torch(made._analysis.filters)
    below, above, between = in_torch(made._analysis.places)
    views = [(points, in_torch(spread)) for points, spread in made._analysis.views]
    transform, _ = torch_transforms(made)
    table = torch.from_numpy(noise_table(made.spec.hop_length))

    def magnitude(log_mel, narrow, wide):
        wanted, power = log_mel.exp(), wide
        for _ in range(STEPS):
            power = (power * ((wanted / (power @ filters).clamp(min=LEAST)) @ share)).clamp(min=LEAST)
        gain = power / wide
        return narrow * (gain[:, below] * (1 - between) + gain[:, above] * between)

    def shaped(log_mel, heads):
        noise = table[torch.arange(len(log_mel)) % len(table)].flatten()
        waves = torch.stack([torch_harmonics(likeliest(heads["pitch"]), made.spec), noise])
        tonal = heads["voiced"].sigmoid() * (-heads["noisy"]).sigmoid()
        narrow, wide = (mixed(transform(waves, points), (tonal @ spread).clamp(0, 1)) for points, spread in views)
        size = modulus(narrow)
        loud = magnitude(log_mel, size, modulus(wide)).clamp(max=LOUDEST)
        return loud, narrow * torch.polar(loud / size, heads["phase"] + ((loud + FAINT) / size).log() @ hilbert)

    return shaped


def mixed(spectra, share):
    """Harmonics and noise (2, T, F), the first of which has this share of the power."""
    from blocks.vocoder.fourier.net import SMALL

    return spectra[0] * (share + SMALL).sqrt() + spectra[1] * (1 - share + SMALL).sqrt()


def modulus(spectrum):
    from blocks.vocoder.fourier.net import SMALL

    return (spectrum.real**2 + spectrum.imag**2 + SMALL).sqrt()


def likeliest(odds):
    """Log-odds (T, C) of every pitch -> Hz (T)."""
    import torch

    from blocks.vocoder.fourier.mel_analysis import LOWEST, OCTAVE
    from blocks.vocoder.fourier.net import ASIDE

    numbers = torch.arange(odds.shape[1])
    far = (numbers - odds.argmax(1, keepdim=True)).abs() > ASIDE
    return LOWEST * ((odds.masked_fill(far, -torch.inf).softmax(1) * numbers).sum(1) / OCTAVE).exp2()


def torch_harmonics(pitch, spec):
    """Hz (T) -> cosines of all multiples of that pitch (T * hop), in closed form; turns are summed in float64."""
    import torch

    from blocks.vocoder.fourier.source import SHARE

    hop = spec.hop_length
    ends = torch.cat([pitch[:1], pitch, pitch[-1:]])
    edges = (ends[1:] + ends[:-1]) * (0.5 * hop / spec.sample_rate)  # turns a hop, at its two ends
    turns = 0.5 * (edges[1:] + edges[:-1]).double()
    begins = (turns.cumsum(0) - turns).frac().float()[:, None]
    place, first = (torch.arange(hop) + 0.5) / hop, edges[:-1, None]
    move = place * (edges[1:, None] - first)
    count = (SHARE * hop / (first + move)).floor()
    phase = begins + place * (first + 0.5 * move)
    half = torch.pi * (phase - phase.round())
    below = half.sin()
    flat = below.abs() < 1e-6
    many = 0.5 * ((2 * count + 1) * half).sin() / below.masked_fill(flat, 1) - 0.5
    return ((2 / count).sqrt() * torch.where(flat, count, many)).flatten()


def torch_phases(made):
    """Magnitude and spectrum (T, F) -> the wave (T * hop) after rounds of fast Griffin-Lim."""
    from blocks.vocoder.fourier.net import MOMENTUM

    transform, inverse = torch_transforms(made)

    def phased(magnitude, spectrum):
        before = spectrum
        for _ in range(made.config.rounds):
            heard = transform(inverse(spectrum))
            ahead = heard + MOMENTUM * (heard - before)
            spectrum, before = ahead * (magnitude / modulus(ahead)), heard
        return inverse(spectrum)

    return phased


def torch_transforms(made):
    """Waves (..., T * hop) -> (..., T, F), of as many points as asked for; and (T, F) -> the wave (T * hop)."""
    import torch
    from torch.nn import functional as F

    size, hop = made._size, made.spec.hop_length
    window, side, weights = torch.hann_window(size), (size - hop) // 2, {}

    def transform(waves, points=size):
        frames = F.pad(waves, (side, size - hop - side)).unfold(-1, size, hop)
        return torch.fft.rfft(frames * window, points)

    def laid(frames):
        shape = (1, (len(frames) - 1) * hop + size)
        wave = F.fold(frames.T[None], shape, (1, size), stride=(1, hop))
        return wave[0, 0, 0, side : side + len(frames) * hop]

    def inverse(spectrum):
        T = len(spectrum)
        if T not in weights:
            weights[T] = laid((window**2).expand(T, size)).clamp(min=1e-3)
        return laid(torch.fft.irfft(spectrum, size) * window) / weights[T]

    return transform, inverse


def exported(seconds: float, threads: int):
    import onnxruntime

    from blocks.vocoder.fourier.export import onnx

    made = block()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx(made, {}), options, providers=["CPUExecutionProvider"])
    speak = lambda log_mel: session.run(None, {"log_mel": log_mel[None]})[0][0]  # noqa: E731
    check_alike(made, speak)
    return {"versions": onnxruntime.__version__}, partial(timed, partial(speak, mel(made, seconds)))


# ---- ours alone, each in a fresh process ----


def first(seconds: str) -> float:
    made = block()
    return timed(lambda: made._synthesise(mel(made, float(seconds))))


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
    made._synthesise(mel(made, float(seconds)))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


ALONE = {"first": first, "stream": stream, "memory": memory}

if __name__ == "__main__":
    main()
