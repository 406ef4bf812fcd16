"""How fast graphs/speak.yaml speaks with its released weights, beside Piper, espeak-ng and flite, and how fast its acoustic model learns.

    python benchmarks/speak.py [--rounds 7] [--threads 1] [--only speaking,cold,training]

speaking: a short sentence and one of 25 words, from text to samples, one warm process for each contender, called in turn.
The real-time factor is seconds of work for a second of speech; ours has said the sentences before, so that words are looked
up and lengths are compiled. First audio: until the first samples can be heard. The block of Piper gives whole sentences, so
there it is the whole; flite, too, writes when all is made; espeak-ng is read while it speaks. espeak-ng and flite are
programs: a process is started for each sentence, and their speech is resampled to our rate, all of which counts.
cold: from the command `voxblocks run` to a written wav, in a fresh process with an empty store; once as it is, once with
the compiler's cache (JAX_COMPILATION_CACHE_DIR) that an earlier run has left.
training: frames/s of acoustic.parallel in its default size beside FastSpeech 2, on the same batches, with the same
optimiser and clipping. The peer is written here after the paper (FFT blocks of attention and two convolutions, three
predictors; pitch of phones, as ours), of standard layers of torch: once as narrow as to have as many weights as ours, once as
wide as in the paper, which is not like for like. Its arrays are made beforehand, ours in each step. Both once more with activations
in bfloat16; and what share of a step of ours norms, depthwise convolutions and matrix products take, by torch's profiler.
All is held to the same cores and threads.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.flow import pin  # noqa: E402 - found by the line above
from benchmarks.serve import TEXTS  # noqa: E402
from benchmarks.timing import POOLS, ROOT, Worker, machine, ratios, rounds, serve, spread  # noqa: E402

GRAPH, SAID = ROOT / "graphs/speak.yaml", {"short": TEXTS[1], "long": TEXTS[-1]}
SPEAKERS = ("ours", "piper", "espeak", "flite")
LEARNERS = {
    "learner": "ours",
    "equal": "FastSpeech 2, as many weights",
    "paper": "FastSpeech 2, the paper's width",
    "learner_half": "ours in bfloat16",
    "equal_half": "FastSpeech 2 in bfloat16, as many weights",
}
KERNELS = {  # of torch, by what they are for
    "norms": ("layer_norm", "batch_norm"),
    "convolutions": ("convolution",),
    "matrix products": ("addmm", "bmm", "mm", "linear"),
    "the optimiser": ("_fused_", "_foreach_", "addcmul", "addcdiv"),
}
BATCHES, ITEMS, FRAMES, PHONES = 4, 8, 400, 60  # FRAMES and PHONES of an item
HEADER = 44  # bytes of a wav before its samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="speaking,cold,training")
    parser.add_argument("--quick", action="store_true", help="one round, small batches: to see that it runs")
    parser.add_argument("--worker", choices=[*SPEAKERS, *LEARNERS], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return serve(partial(CONTENDERS[options.worker], options))
    pin(options.threads)  # and so all that is started from here
    os.environ |= {f"{pool}_NUM_THREADS": str(options.threads) for pool in POOLS} | {"NPROC": str(options.threads)}
    count = 1 if options.quick else options.rounds
    print(f"{options.threads} threads on as many cores, median [least..greatest] of {count} rounds")
    print(machine())
    parts = {"speaking": speaking, "cold": cold, "training": training}
    for part in options.only.split(","):
        parts[part](count, options)


def speaking(count: int, options) -> None:
    with Contenders(SPEAKERS, options) as workers:
        took = rounds({name: worker.measure for name, worker in workers.items()}, count)
        about = {name: worker.about for name, worker in workers.items()}
    for label, text in SAID.items():
        print(f"speaking, {label}: {text!r}")
        found = {name: [one[label] for one in each] for name, each in took.items()}
        factors = {name: [one["whole"] / one["audio"] for one in each] for name, each in found.items()}
        firsts = {name: [1000 * one["first"] for one in each] for name, each in found.items()}
        for name in found:
            beside = f"; it / ours {ratios(factors[name], factors['ours'])}, {ratios(firsts[name], firsts['ours'])}"
            print(
                f"  {name:6} real-time factor {spread(factors[name])}, first audio {spread(firsts[name])} ms"
                f"{beside if name != 'ours' and 'ours' in found else ''}"
            )
        for part in found["ours"][0]["parts"] if "ours" in found else ():
            share = [100 * one["parts"][part] / one["whole"] for one in found["ours"]]
            print(f"    of ours {part}: {spread(share)} %")
    if "ours" in about:
        print(f"  ours, once: {1000 * about['ours']['new_words']:.3g} ms to look up the words of the long sentence")


def cold(count: int, options) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = {
            "JAX_COMPILATION_CACHE_DIR": f"{folder}/compiled",
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        ways = {"as it is": {}} if options.quick else {"as it is": {}, "compiled before": kept}
        took = rounds({name: partial(command, folder, more) for name, more in ways.items()}, count)
    for name, seconds in took.items():
        print(f"cold, from the command to the wav, {name}: {spread(seconds)} s")


def command(folder: str, environment: dict[str, str]) -> float:
    """Seconds that `voxblocks run` takes to speak the long sentence into an empty store."""
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        words = [str(GRAPH), "--released", "--until", "voice", "--set", f"script.text={SAID['long']}"]
        words += ["--store", f"{empty}/store", "--out", f"{empty}/out"]
        line = [sys.executable, "-m", "runner", "run", *words]
        begun = time.perf_counter()
        done = subprocess.run(line, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
        took = time.perf_counter() - begun
        if done.returncode or not Path(done.stdout.strip()).is_file():
            sys.exit(done.stderr)
    return took


def training(count: int, options) -> None:
    with Contenders(LEARNERS, options) as workers:
        took = rounds({name: worker.measure for name, worker in workers.items()}, count)
        about = {name: worker.about for name, worker in workers.items()}
    for name, seconds in took.items():
        speed = spread([about[name]["frames"] / one for one in seconds])
        beside = f"; it / ours, time a step {ratios(seconds, took['learner'])}" if name != "learner" else ""
        print(f"training, {LEARNERS[name]}, {about[name]['shape']}: {speed} frames/s{beside}")
        if shares := about[name].get("shares"):
            print(f"  of its step: {', '.join(f'{name} {share:.0%}' for name, share in shares.items())}")
    if {"learner_half", "equal_half"} <= took.keys():
        print(f"FastSpeech 2 / ours, both in bfloat16, time a step: {ratios(took['equal_half'], took['learner_half'])}")


class Contenders(dict):
    """A warm process for each name; those that cannot run here are named and left out."""

    def __init__(self, names, options):
        more = ["--threads", str(options.threads), *(["--quick"] if options.quick else [])]
        super().__init__({name: Worker(sys.executable, __file__, "--worker", name, *more) for name in names})

    def __enter__(self) -> "Contenders":
        for name in [name for name, worker in self.items() if "absent" in worker.about]:
            worker = self.pop(name)
            print(f"no {worker.about['absent']} here: {name} is left out")
            worker.close()
        return self

    def __exit__(self, *error) -> None:
        for worker in self.values():
            worker.close()


# ---- who speaks: what each is, and a function that says both sentences ----


def ours(options):
    import torch

    from runner.check import check, read_graph
    from runner.speak.live import Live

    torch.set_num_threads(options.threads)
    live = Live(check(read_graph(GRAPH), released=True, needs=False))
    took: dict[str, float] = {}
    for name in live.path:
        if live.checked.nodes[name].node.verb == "map":
            block = live.block(name)
            block.apply = clocked(block.apply, live.checked.nodes[name].node.block, took)
    for text in SAID.values():  # the long one last
        took.clear()
        if not live.warm(row := {"text": text, "language": "en-US"}):
            sys.exit(str(live.run([row])[0]))
    new_words = took["text.script"]

    def say(text: str) -> dict:
        row = {"text": text, "language": "en-US"}
        took.clear()
        whole, (made,) = timed(lambda: live.run([row]))
        parts, audio = dict(took), len(made[live.wave_field()]) / live.sample_rate
        first, _ = timed(lambda: next(live.stream(row)))
        return {"whole": whole, "audio": audio, "first": first, "parts": parts}

    return {"new_words": new_words}, partial(both, say)


def peer(name: str, options):
    from blocks.load import find
    from blocks.peer.schema import Written
    from blocks.spec import preset

    program = {"piper": "espeak-ng", "espeak": "espeak-ng", "flite": "flite"}[name]
    if shutil.which(program) is None:
        raise ModuleNotFoundError(name=program)
    kind = find(f"peer.{name}")
    made = kind(kind.Config(**({"threads": options.threads} if name == "piper" else {})), preset("vox_16k"))
    made.setup()

    def say(text: str) -> dict:
        whole, (voiced,) = timed(lambda: made.apply([Written(text=text, language="en-US")]))
        first = timed(lambda: heard("espeak-ng", "-v", "en-us", "--stdout", text))[0] if name == "espeak" else whole
        return {"whole": whole, "audio": len(voiced.wave) / made.spec.sample_rate, "first": first}

    return {}, partial(both, say)


def both(say) -> dict:
    return {label: say(text) for label, text in SAID.items()}


def heard(*words: str) -> None:
    """Until a program has written samples to its standard output."""
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        process.stdout.read(HEADER + 2)
        process.kill()


def clocked(call, name: str, took: dict[str, float]):
    def timing(*given):
        seconds, found = timed(partial(call, *given))
        took[name] = took.get(name, 0) + seconds
        return found

    return timing


def timed(call) -> tuple[float, object]:
    begun = time.perf_counter()
    found = call()
    return time.perf_counter() - begun, found


# ---- who learns: what each is, and a function that times a step ----


def learner(options, precision="float32"):
    import torch

    torch.set_num_threads(options.threads)
    block, batches = train_items(options.quick, precision)
    turn, frames = itertools.cycle(batches), len(batches[0][0].log_mel)

    def step() -> float:
        """Of the second step of a fit: in the first, the optimiser makes what it keeps."""
        begun = []

        def two(**_):
            for number in (1, 2):
                begun.append(time.perf_counter())
                yield SimpleNamespace(step=number, items=next(turn), frames=frames)
            begun.append(time.perf_counter())

        block.fit(run_of(batches, two, precision == "bfloat16"))
        return begun[2] - begun[1]

    return network(block.net, len(batches[0]) * frames, str(block.config.hidden)) | {"shares": shares(step)}, step


def shares(step) -> dict[str, float]:
    """Of the processor's time in a step, by what for."""
    from torch.profiler import ProfilerActivity, profile

    step()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        step()
    times = {event.key: event.self_cpu_time_total for event in found.key_averages()}
    whole = sum(times.values())
    return {
        kernel: sum(time for key, time in times.items() if any(name in key for name in names)) / whole
        for kernel, names in KERNELS.items()
    }


def fastspeech(width: int | None, options, half: bool = False):
    """The peer in a width, or in one that makes as many weights as ours has."""
    import torch

    torch.set_num_threads(options.threads)
    block, batches = train_items(options.quick)
    sizes = (width, 4 * width) if width else as_large(sum(map(torch.numel, block.net.parameters())))
    net, turn = peer_network(*sizes), itertools.cycle([tensors(items) for items in batches])
    frames = len(batches[0]) * len(batches[0][0].log_mel)

    def losses():
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            return net(next(turn))

    return step_of(net, losses, frames, f"{sizes[0]}, filters {sizes[1]}")


def step_of(net, losses, frames: int, width: str):
    """What to say of a peer, and a function that makes a step of training with it and gives the seconds."""
    import torch

    torch.manual_seed(0)
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.9, 0.98), weight_decay=0.01)

    def step() -> None:
        optimizer.zero_grad()
        losses().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    return network(net, frames, width), lambda: timed(step)[0]


def network(net, frames: int, width: str) -> dict:
    """What to say of one that makes so many frames in a step."""
    count = sum(weight.numel() for weight in net.parameters()) / 1e6
    return {"shape": f"width {width}, {count:.2f} M weights", "frames": frames}


def train_items(quick: bool, precision: str = "float32") -> tuple:
    """An untrained acoustic.parallel in its default size, and batches of noise, all of one shape."""
    import numpy as np

    from blocks.acoustic.schema import TrainItem
    from blocks.load import find
    from blocks.spec import preset

    rng, spec = np.random.default_rng(0), preset("vox_16k")
    items, frames, phones = (2, 80, 12) if quick else (ITEMS, FRAMES, PHONES)

    def train_item() -> TrainItem:
        ends = np.sort(rng.choice(np.arange(1, frames), phones - 1, replace=False))
        return TrainItem(
            phones=tuple(rng.choice(list("abdefghijklmnoprstuvz"), phones)),
            log_mel=rng.normal(-5, 2, (frames, spec.n_mels)).astype(np.float32),
            durations=np.diff(ends, prepend=0, append=frames).astype(np.int32),
            pitch=rng.uniform(100, 300, frames).astype(np.float32),
            energy=rng.normal(-30, 5, frames).astype(np.float32),
        )

    batches = [[train_item() for _ in range(items)] for _ in range(BATCHES)]
    kind = find("acoustic.parallel")
    block = kind(kind.Config(precision=precision), spec)
    block.fit(run_of(batches, lambda **_: iter(())))  # of no steps: it makes the network
    return block, batches


def run_of(batches: list, steps, half: bool = False):
    """A training in this process that neither saves nor reports, of the batches that `steps` gives."""
    import torch

    def backward(batch, loss) -> dict:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):  # as a training of the runner's does
            numbers = loss(batch)
        numbers["loss"].backward()
        return numbers

    items = list(itertools.chain(*batches))
    kept = {"init": None, "items": items, "survey": lambda: items, "rank": 0, "device": "cpu"}
    calls = {"key": lambda *_: 0, "parallel": lambda model: model, "state": lambda **_: None, "batches": steps}
    after = {"backward": backward, "accepts": lambda *_: True, "report": lambda *_, **__: None}
    return SimpleNamespace(**kept, **calls, **after)


def tensors(items: list) -> dict:
    """What the peer is given of a batch: no item is padded."""
    import numpy as np
    import torch

    from blocks.acoustic._targets import of_phones

    targets = [of_phones(item, True, True) for item in items]
    arrays = {name: np.stack([each[name] for each in targets]) for name in targets[0]}
    arrays["phones"] = np.array([[ord(phone) - ord("a") for phone in item.phones] for item in items])
    arrays["mel"] = np.stack([item.log_mel for item in items])
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def as_large(weights: int) -> tuple[int, int]:
    """Width and filters of the peer: about 1 to 4, as in the paper, both fit for vectors, and so many weights."""
    import torch

    def count(width: int, filters: int) -> int:
        with torch.device("meta"):
            return sum(map(torch.numel, peer_network(width, filters).parameters()))

    width = max(width for width in range(16, 513, 16) if count(width, 4 * width) <= weights)
    return min(
        ((width, filters) for filters in range(4 * width, 6 * width, 16)), key=lambda s: abs(count(*s) - weights)
    )


def peer_network(width: int, filters: int):
    """FastSpeech 2 (Ren 2021): two stacks of four FFT blocks, and between them length, pitch and energy of phones."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
            self.widen, self.narrow = nn.Conv1d(width, filters, 9, padding=4), nn.Conv1d(filters, width, 1)
            self.norms, self.dropout = nn.ModuleList(nn.LayerNorm(width) for _ in range(2)), nn.Dropout(0.1)

        def forward(self, x):
            x = self.norms[0](x + self.dropout(self.attention(x, x, x, need_weights=False)[0]))
            h = self.narrow(torch.relu(self.widen(x.transpose(1, 2)))).transpose(1, 2)
            return self.norms[1](x + self.dropout(h))

    class Predictor(nn.Module):
        def __init__(self):
            super().__init__()
            self.filters = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
            self.norms, self.dropout = nn.ModuleList(nn.LayerNorm(width) for _ in range(2)), nn.Dropout(0.5)
            self.out = nn.Linear(width, 1)

        def forward(self, x):
            for filter, norm in zip(self.filters, self.norms):
                x = self.dropout(norm(torch.relu(filter(x.transpose(1, 2)).transpose(1, 2))))
            return self.out(x)[..., 0]

    class FastSpeech(nn.Module):
        def __init__(self):
            super().__init__()
            self.phones = nn.Embedding(26, width)
            self.encoder, self.decoder = (nn.Sequential(*(Block() for _ in range(4))) for _ in range(2))
            self.duration, self.pitch, self.energy = Predictor(), Predictor(), Predictor()
            self.pitches, self.energies = nn.Embedding(256, width), nn.Embedding(256, width)
            self.mel = nn.Linear(width, 80)

        def forward(self, given):
            """The loss."""
            pitch, energy = (given["pitch"].log() - 5) / 0.3, (given["energy"] + 30) / 5
            x = self.encoder(placed(self.phones(given["phones"])))
            predicted = self.duration(x), self.pitch(x), self.energy(x)
            bins = torch.linspace(-3, 3, 255)
            x = x + self.pitches(torch.bucketize(pitch, bins)) + self.energies(torch.bucketize(energy, bins))
            lengthened = [torch.repeat_interleave(one, times, 0) for one, times in zip(x, given["durations"])]
            mel = self.mel(self.decoder(placed(torch.stack(lengthened))))
            wanted = (given["durations"] + 1.0).log(), pitch, energy
            return (mel - given["mel"]).abs().mean() + sum((a - b).square().mean() for a, b in zip(predicted, wanted))

    def placed(x):
        """With sines and cosines of the place added (Vaswani 2017)."""
        angles = torch.arange(x.shape[1])[:, None] * 10000.0 ** (-torch.arange(0, width, 2) / width)
        return x + torch.cat([angles.sin(), angles.cos()], 1)

    return FastSpeech()


CONTENDERS = {
    "ours": ours,
    **{name: partial(peer, name) for name in SPEAKERS[1:]},
    "learner": learner,
    "equal": partial(fastspeech, None),
    "paper": partial(fastspeech, 256),
    "learner_half": partial(learner, precision="bfloat16"),
    "equal_half": partial(fastspeech, None, half=True),
}

if __name__ == "__main__":
    main()
