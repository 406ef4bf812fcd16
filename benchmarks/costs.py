"""What does a real training cost: hours, GPUs, storage, traffic, at the `paper` sizes and a thousand hours of speech?

    python benchmarks/costs.py [--only vocoder.fourier,acoustic.parallel] [--hours 1000] [--peak 19.5,312] [--share 0.3]

Counted here: each block is trained for a few steps as its graph does, on a few rows, at the settings of `sizes: paper`; its
weights and checkpoint are those files; the FLOPs and kernels of a step are counted (`benchmarks/counting.py`), and taken to the batch
that `max_frames` and `max_items` make of utterances of the usual length. Measured here: bytes of a second of speech in each form.
Assumed, and told in the head of the output: the GPU's peak, the share of it that a step reaches, the time a kernel takes to start, the
network between two hosts. So hours are a calculation that a GPU would correct; sizes are not.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.counting import Abstract, torch_counted  # noqa: E402 - found by the line above
from benchmarks.timing import ROOT, machine  # noqa: E402 - found by the line above

BLOCKS = {  # block -> graph, node, and what is not as in the paper while it is counted: {setting: value}
    "vocoder.fourier": ("universal_vocoder", "universal", {}),
    "vocoder.vocos": ("universal_vocoder", "vocos", {}),
    "vocoder.istftnet": ("universal_vocoder", "istftnet", {}),
    "vocoder.rnn_ms": ("universal_vocoder", "one_voice_rnn", {}),
    "flow.affine": ("flow_conversion", "conditioned", {}),
    "flow.phone_prior": ("flow_conversion", "prior", {}),
    "converter.copycat": ("flow_conversion", "copycat", {}),
    "converter.autovc": ("flow_conversion", "autovc", {}),
    "converter.voice_filter": ("voice_filter", "background", {}),
    "acoustic.parallel": ("speak_voices", "voices", {}),
    "acoustic.attention": ("speak", "attending", {}),
    "recogniser.ctc": ("phone_recogniser", "first", {}),
    "reference.dvector": ("speaker_encoder", "encoder", {"voices": 4, "recordings": 2}),
    "reference.ecapa": ("speaker_judges", "judge", {}),
}
QUICK = ("vocoder.vocos", "acoustic.parallel")
ROWS = 30  # of each source, and in the graph's tiny size but for the node that is counted
STEPS = 3  # before discriminators join, and with them
SPOKEN_S = 5.6  # of an utterance: LibriTTS has 585 h in 375,086
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Machine:
    """What is assumed of a GPU and of the network between two hosts."""

    float32: float  # peak FLOP/s
    bfloat16: float
    share: float  # of the peak that a step reaches
    start: float  # seconds from one kernel to the next, at the least
    network: float  # bytes/s

    def step(self, flops: float, kernels: float, precision: str, gpus: int, exchanged: float) -> float:
        """Seconds of a step. Items are spread over GPUs, but each starts as many kernels as one; gradients go round a ring."""
        computed = flops / gpus / (self.share * getattr(self, precision))
        return max(computed, kernels * self.start) + 2 * (gpus - 1) / gpus * exchanged / self.network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(BLOCKS))
    parser.add_argument("--hours", type=float, default=1000, help="of speech")
    parser.add_argument("--peak", default="19.5,312", help="TFLOP/s of a GPU in float32,bfloat16: an A100's")
    parser.add_argument("--share", type=float, default=0.3, help="of the peak")
    parser.add_argument("--start", type=float, default=1e-5, help="seconds to start a kernel")
    parser.add_argument("--network", type=float, default=12.5e9, help="bytes/s between hosts: 100 Gbit/s")
    parser.add_argument("--quick", action="store_true", help="two blocks, few recordings: to see that it runs")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(counted(options.one) if options.one != "speech" else weighed(options.quick)))
        return
    single, half = (1e12 * float(peak) for peak in options.peak.split(","))
    assumed = Machine(single, half, options.share, options.start, options.network)
    print(
        f"assumed: {100 * options.share:g} % of {options.peak.replace(',', ' and ')} TFLOP/s (float32 and bfloat16), "
        f"{1e6 * options.start:g} us a kernel, {options.network / 1e9:g} GB/s between hosts; counted on {machine()}\n"
    )
    print(f"| {' | '.join(COLUMNS)} |\n{'| --- ' * len(COLUMNS)}|", flush=True)
    speeds = []
    for block in QUICK if options.quick else options.only.split(","):
        found = child(block, options.quick)
        speeds.append(found["checkpoint"] / found["save"] / 1e6)
        print(row(block, found, assumed, options.hours), flush=True)
    print(f"\ncheckpoints were written to this disk with {min(speeds):.0f} to {max(speeds):.0f} MB/s\n")
    for line in forms(child("speech", options.quick), options.hours):
        print(line)


def child(what: str, quick: bool) -> dict:
    """Each in a process of its own, so that one's memory and JAX do not touch the next."""
    command = [sys.executable, __file__, "--one", what, *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


# ---- the tables ----


COLUMNS = (
    "block",
    "weights",
    "checkpoint",
    "steps",
    "a step: frames",
    "FLOPs",
    "kernels",
    "epochs",
    "hours: 1 GPU",
    "8 GPUs",
)


def row(block: str, found: dict, assumed: Machine, hours: float) -> str:
    def took(gpus: int) -> float:
        """Hours."""
        step = partial(assumed.step, precision=found["precision"], gpus=gpus)
        return sum(
            part["steps"] / 3600 * step(part["flops"], part["kernels"], exchanged=FLOAT * part["exchanged"])
            for part in found["parts"]
        )

    first, last = found["parts"][0], found["parts"][-1]
    steps, critics = sum(part["steps"] for part in found["parts"]), last["exchanged"] - first["exchanged"]
    cells = [
        f"`{block}`",
        f"{first['exchanged'] / 1e6:.1f}{f' + {critics / 1e6:.1f}' if critics else ''} M",
        f"{found['checkpoint'] / 1e6:,.0f} MB",
        f"{steps:,}",
        f"{last['frames']:,}",
        f"{last['flops'] / 1e12:.2g} T",
        f"{last['kernels']:,.0f}",
        f"{steps * last['items'] * SPOKEN_S / (hours * 3600):.2g}",
        *(f"{took(gpus):,.0f}" for gpus in (1, 8)),
    ]
    return f"| {' | '.join(cells)} |"


def forms(found: dict, hours: float) -> list[str]:
    lines = [f"| form | bytes a second of speech | GB for {hours:g} h |", "| --- | --- | --- |"]
    return lines + [f"| {name} | {rate:,.0f} | {rate * hours * 3600 / 1e9:,.0f} |" for name, rate in found.items()]


# ---- what is counted ----


def counted(block: str) -> dict:
    """A few steps of the training in its graph, at the settings of `paper`, and what they leave on the disk."""
    from runner.check import check, read_graph
    from runner.fit.node import publish, train
    from runner.plan import make_plan
    from runner.run.local import LocalExecutor, SharedBlocks
    from runner.run.node import NodeRun
    from runner.store import Store
    from runner.work.executor import NodeResult, Observer

    graph, name, others = BLOCKS[block]
    path = ROOT / "graphs" / f"{graph}.yaml"
    checked = check(read_graph(path, size="paper")).nodes[name]
    paper, tiny = checked.config, check(read_graph(path, size="tiny")).nodes[name].config
    joins = getattr(paper, "adversarial_from", None)
    changed = (
        paper.model_dump(mode="json")
        | {"max_steps": 2 * STEPS if joins else STEPS, "max_items": min(2, paper.max_items)}
        | others
    )
    changed |= {"adversarial_from": STEPS + 1} if joins else {}
    here = tiny.model_dump(mode="json")
    sets = [f"{name}.{key}={_yaml(value)}" for key, value in changed.items() if value != here[key]]
    run_class = counting("jax" in checked.cls.needs)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        plan = make_plan(check(read_graph(path, size="tiny", sets=sets)), store, to_nodes=[name], limit=ROWS)
        step = plan.steps[name]
        above = make_plan(plan.checked, store, to_nodes=sorted(step.checked.upstream), limit=ROWS)
        outcome = LocalExecutor().run(above, store, Observer())
        if outcome.error:
            raise outcome.error
        work = NodeRun(plan, step, store, Observer(), NodeResult(step.digest, "waiting"), SharedBlocks(plan)).fit_work()
        trained, run = train(work, run_class)
        publish(work, trained, run)
        return about(paper, checked.spec, run, Path(folder), joins, math.prod(others.values()) if others else 0)


def counting(in_jax: bool) -> type:
    """A run in this process that counts each step, is told of no dev rows, and notes how long its checkpoint took to write."""
    from runner.fit.local_run import Items, LocalRun

    class Counting(LocalRun):
        def __init__(self, *args):
            super().__init__(*args)
            self.dev, self.seen, self.save_s = Items([], None), [], 0.0
            self.around = _abstract().counted if in_jax else torch_counted

        def batches(self, validate=None):
            for batch in super().batches(validate):
                with self.around() as found:
                    yield batch
                self.seen.append((batch, found))

        def _save(self, step: int) -> None:
            began = time.perf_counter()
            super()._save(step)
            self.save_s = time.perf_counter() - began

    return Counting


def _abstract() -> Abstract:
    import jax
    import optax  # noqa: F401 - before it is put in: what libraries compile for themselves is theirs

    jax.jit = Abstract(jax.jit)
    return jax.jit


def about(paper, spec, run, folder: Path, joins: int | None, drawn: int) -> dict:
    """Of one step of the paper's batch; of `parts` the second is with discriminators.

    A block that draws its own crops, whatever the batch, has `drawn` so many a step.
    """
    from blocks.training import bucket

    usual = bucket(round(SPOKEN_S * spec.sample_rate / spec.hop_length))
    length = usual if len(set(run.plan.lengths)) > 1 else run.plan.lengths[0]  # of crops all are alike
    items = max(1, min(paper.max_frames // length, paper.max_items))
    if drawn:
        items, length = paper.voices * paper.recordings, round((paper.shortest + paper.longest) / 2 * spec.frame_rate)
    weights, critics = exchanged(run.named)
    phases = [(paper.max_steps if joins is None else joins - 1, run.seen[:STEPS], weights)]
    if joins is not None:
        phases.append((paper.max_steps - joins + 1, run.seen[STEPS:], weights + critics))
    parts = []
    for steps, seen, floats in phases:
        lengths = [length if drawn else batch.frames for batch, _ in seen]
        frames = sum(each * (drawn or batch.size) for each, (batch, _) in zip(lengths, seen))
        flops = sum(found.flops for _, found in seen) / frames * items * length
        kernels = at_length(length, lengths, [found.kernels for _, found in seen])
        batch = {"items": items, "frames": items * length}
        parts.append({"steps": steps, "exchanged": floats, "flops": flops, "kernels": kernels, **batch})
    size = sum(path.stat().st_size for path in folder.glob("fits/*/step-*/*.safetensors"))
    return {"parts": parts, "precision": paper.precision, "checkpoint": size, "save": run.save_s}


def at_length(length: int, lengths: list[int], kernels: list[float]) -> float:
    """Kernels of a step of items that long: on a line through what was seen, where lengths differ enough to tell.

    A recurrent decoder starts some for each frame, most networks as many for all lengths.
    """
    if max(lengths) < 1.5 * min(lengths):
        return statistics.mean(kernels)
    slope, first = np.polyfit(lengths, kernels, 1)
    return float(first + slope * length)


def exchanged(named) -> tuple[int, int]:
    """Weights whose gradients ranks exchange: of the model, and of its discriminators."""
    parts = named.train if hasattr(named, "train") else vars(named)
    return tuple(
        _size(parts.get(name, parts.get(other))) for name, other in (("model", "params"), ("discriminators", None))
    )


def _size(part) -> int:
    if part is None:
        return 0
    if hasattr(part, "parameters"):
        return sum(weight.numel() for weight in part.parameters() if weight.requires_grad)
    import jax

    return sum(leaf.size for leaf in jax.tree.leaves(part))


def _yaml(value) -> str:
    """As `--set` takes it."""
    if isinstance(value, float):
        return np.format_float_positional(value, trim="0")
    return value if isinstance(value, str) else json.dumps(value)


SPEECH = """
spec: vox_16k
nodes:
  spoken: {read: corpus.asterisk, config: {languages: [en]}}
  mel: {map: features.log_mel, in: {wave: spoken.wave}}
  pitch: {map: features.pitch, in: {wave: spoken.wave}}
  energy: {map: features.energy, in: {wave: spoken.wave}}
"""

FORMS = {
    "spoken": "table of waves, float32, with texts",
    "mel": "table of log-mels, float32, 80 mels, 80 frames/s",
    "pitch": "table of pitch",
    "energy": "table of energy",
}


def weighed(quick: bool) -> dict[str, float]:
    """Bytes of a second of real recordings in each form, as files and as tables of the store."""
    import io

    import soundfile

    from runner.check import check, read_graph
    from runner.plan import make_plan
    from runner.run.local import LocalExecutor
    from runner.store import Store
    from runner.work.executor import Observer

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "graph.yaml").write_text(SPEECH)
        store = Store(Path(folder) / "store")
        plan = make_plan(check(read_graph(Path(folder) / "graph.yaml")), store, limit=30 if quick else 500)
        outcome = LocalExecutor().run(plan, store, Observer())
        if outcome.error:
            raise outcome.error
        spoken = store.find_table(plan.steps["spoken"].digest)
        waves = [row["wave"] for row in spoken.rows(fields=["wave"])]
        rate = plan.checked.nodes["spoken"].spec.sample_rate
        samples, packed = sum(map(len, waves)), 0
        for wave in waves:
            soundfile.write(file := io.BytesIO(), wave, rate, format="FLAC", subtype="PCM_16")
            packed += len(file.getvalue())
        found = {"wav, 16 bit, 16 kHz (2 bytes a sample)": 2 * samples, "FLAC of it": packed}
        for name, what in FORMS.items():
            files = (Path(folder) / "store" / "tables" / plan.steps[name].digest).rglob("*")
            found[what] = sum(path.stat().st_size for path in files if path.is_file())
        return {what: size * rate / samples for what, size in found.items()}


if __name__ == "__main__":
    main()
