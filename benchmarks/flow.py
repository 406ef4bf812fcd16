"""How fast the flow is, encoding, decoding and training, beside the same architecture in torch, not compiled; and a whole conversion.

    python benchmarks/flow.py [--size small|glow] [--rounds 7] [--threads 1] [--only encode,decode,train,convert]

One warm process for each of the two, called in turn, held to the same number of cores. Both have random weights of the
same shapes, no weight norm, no conditions, and, in training, the same dropout and Adam with clipped gradients. The torch
peer is written here, in its usual layout (channels before time), with its norm and mix unfolded as papers print them;
`tests/blocks/test_flow_peer.py` shows that the same weights make the same latents in both. A conversion is what `graphs/flow_conversion.yaml`
does with a recording: mel, melody, voice, encoding, moved latent, decoding, vocoder, by what is released, whatever the size.
"""

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.timing import Worker, machine, ratios, rounds, serve, spread  # noqa: E402 - found by the line above

SIZES = {  # the default of flow.affine; the decoder of Glow-TTS
    "small": dict(blocks=6, hidden=64, layers=3, kernel=5),
    "glow": dict(blocks=12, hidden=192, layers=4, kernel=5),
}
MELS, SQUEEZE, RATE, DROPOUT = 80, 2, 80, 0.05  # RATE: frames a second
SHAPES = {
    "encode": [(1, 1), (1, 4), (1, 12), (8, 4)], "decode": [(1, 4), (8, 4)], "train": [(4, 2), (16, 2)], "convert": [(1, 5)],
}  # fmt: skip
QUICK = {"encode": [(1, 1)], "decode": [(1, 1)], "train": [(1, 1)], "convert": [(1, 1)]}
BURST_S = 0.04  # shorter calls are averaged over this


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="encode,decode,train,convert")
    parser.add_argument("--quick", action="store_true", help="one short shape each, 1 round: to see that it runs")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        way, batch, seconds = options.case.split(",")
        pin(options.threads)
        prepare = conversion if way == "convert" else {"jax": ours, "torch": peer}[options.worker]
        return serve(partial(prepare, way, int(batch), int(seconds), SIZES[options.size], options.threads))
    count = 1 if options.quick else options.rounds
    print(
        f"{options.size}: {SIZES[options.size]}, {options.threads} threads, median [least..greatest] of {count} rounds"
    )
    print(machine())
    for way in options.only.split(","):
        for batch, seconds in (QUICK if options.quick else SHAPES)[way]:
            case = ["--case", f"{way},{batch},{seconds}", "--size", options.size, "--threads", str(options.threads)]
            names = ("jax",) if way == "convert" else ("jax", "torch")
            workers = {name: Worker(sys.executable, __file__, "--worker", name, *case) for name in names}
            absent = [worker.about["absent"] for worker in workers.values() if "absent" in worker.about]
            if absent:
                return print(f"no {absent[0]} here: nothing to compare")
            took = rounds({name: worker.measure for name, worker in workers.items()}, count)
            speed = spread([batch * seconds / s for s in took["jax"]])
            beside = f"torch / ours {ratios(took['torch'], took['jax'])!s:28} " if "torch" in took else ""
            print(
                f"{way:7} {batch:2} x {seconds:2} s   {beside}ours {spread(took['jax'])} s, {speed} x real time, "
                f"first call {workers['jax'].about['first']:.1f} s"
            )
            for worker in workers.values():
                worker.close()


def pin(threads: int) -> None:
    """To so many cores: XLA has no other way to be told."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def timed(call) -> float:
    """Seconds a call."""
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < BURST_S:
        call()
        calls += 1
    return (time.perf_counter() - start) / calls


def mels(batch: int, seconds: int):
    import numpy as np

    return np.random.default_rng(0).standard_normal((batch, seconds * RATE, MELS), np.float32)


# ---- the two contenders: what each is, and a function that times a call ----


def ours(way: str, batch: int, seconds: int, size: dict, threads: int):
    import jax
    import numpy as np

    from blocks.flow._net import training_step
    from blocks.flow.affine import net
    from blocks.load import find
    from blocks.spec import AudioSpec

    block = find("flow.affine")
    made = block(block.Config(**size, squeeze=SQUEEZE, split=0, pitch=False, dropout=DROPOUT), AudioSpec(n_mels=MELS))
    made.conditioning = made._new_conditioning()
    flow, x, lengths = made._network(), mels(batch, seconds), np.full(batch, seconds * RATE, np.int32)
    shapes = jax.eval_shape(flow.init, jax.random.key(0), x, lengths, {})
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda a: np.float32(0.02) * rng.standard_normal(a.shape, np.float32), shapes["params"])
    mix = shapes["fixed"]["stage_0"]["mix"]["order"].shape
    order = np.tile(np.arange(mix[1], dtype=np.int32), (mix[0], 1))
    fixed = {"stage_0": {"mix": {"order": order, "sign": np.ones(mix, np.float32)}}}
    begin = time.perf_counter()
    if way == "train":
        optimizer, key = made._optimizer(), jax.random.key(1, impl="unsafe_rbg")
        step = training_step(
            lambda p, f, *part: net.losses(flow, {"params": p, "fixed": f}, part[0], 0.0, *part[1:]), optimizer
        )
        held = {"state": jax.device_put((params, optimizer.init(params)))}
        fixed, data = jax.device_put((fixed, {"x": x[None], "lengths": lengths[None]}))

        def call():
            params, opt, _ = step(*held["state"], fixed, data, key)
            held["state"] = jax.block_until_ready((params, opt))
    else:
        compiled = jax.jit(partial(getattr(net, way), flow))
        given = jax.device_put((net.fold(params, fixed), x, lengths, {}))

        def call():
            jax.block_until_ready(compiled(*given))

    call()
    return {"versions": jax.__version__, "first": time.perf_counter() - begin}, partial(timed, call)


def conversion(way: str, batch: int, seconds: int, size: dict, threads: int):
    """A recording made another's voice, from wave to wave, one at a time."""
    import numpy as np

    from blocks.features.log_mel import Config, LogMel
    from blocks.features.pitch import Pitch
    from blocks.features.schema import Recorded
    from blocks.flow.moved_latent import Move, MovedLatent
    from blocks.flow.schema import Latents, Spectral
    from blocks.load import restore
    from blocks.reference.gallery import Named

    released = Path(__file__).parents[1] / "pretrained"
    flow, encoder, gallery, vocoder = (
        restore(released / name) for name in ("flow_conversion", "voices", "gallery", "universal_vocoder")
    )
    spec = flow.spec
    features, pitch, move = LogMel(Config(), spec), Pitch(Pitch.Config(), spec), MovedLatent(MovedLatent.Config(), spec)
    t = np.arange(seconds * spec.sample_rate) / spec.sample_rate
    voiced = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 20)) * (1.1 + np.sin(2 * np.pi * 4 * t))
    wave = (0.1 * voiced + 0.005 * np.random.default_rng(0).standard_normal(len(t))).astype(np.float32)

    def call():
        (mel,), (melody,), (voice,) = (block.apply([Recorded(wave=wave)]) for block in (features, pitch, encoder))
        (target,) = gallery.apply([Named(speaker="ivrvoice-ru")])
        melodies = dict(pitch=melody.pitch, voicing=melody.voicing)
        (coded,) = flow.apply([Spectral(log_mel=mel.log_mel, globals={"voice": voice.embedding}, **melodies)])
        (moved,) = move.apply(
            [
                Move(
                    latent=coded.latent,
                    log_mel=mel.log_mel,
                    target_mean=target.latent_mean,
                    target_spread=target.latent_spread,
                )
            ]
        )
        (made,) = flow.decode([Latents(latent=moved.latent, globals={"voice": target.embedding}, **melodies)])
        return vocoder.apply([made])

    begin = time.perf_counter()
    call()
    return {"first": time.perf_counter() - begin}, partial(timed, call)


def peer(way: str, batch: int, seconds: int, size: dict, threads: int):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = torch_flow(size)
    x = torch.from_numpy(mels(batch, seconds)).transpose(1, 2).contiguous()
    mask = torch.ones(batch, 1, x.shape[2] // SQUEEZE)
    about = {"versions": torch.__version__}
    if way == "train":
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

        def step():
            z, logdet = model(x, mask)
            loss = (0.5 * z.square().sum() - logdet.sum()) / z.numel()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

        return about, partial(timed, step)
    model.eval()
    model.remember_inverses()

    def call():
        with torch.inference_mode():
            model(x, mask) if way == "encode" else model.decode(x, mask)

    return about, partial(timed, call)


def torch_flow(size: dict):
    """Activation norm, invertible mix of all channels (LU), gated-convolution coupling."""
    import torch
    from torch import nn

    channels, hidden = MELS * SQUEEZE, size["hidden"]

    class Coupling(nn.Module):
        def __init__(self):
            super().__init__()
            self.start, self.end = nn.Conv1d(channels // 2, hidden, 1), nn.Conv1d(hidden, channels, 1)
            pad = size["kernel"] // 2
            self.convs = nn.ModuleList(
                nn.Conv1d(hidden, 2 * hidden, size["kernel"], padding=pad) for _ in range(size["layers"])
            )
            last = size["layers"] - 1
            self.outs = nn.ModuleList(
                nn.Conv1d(hidden, hidden if n == last else 2 * hidden, 1) for n in range(size["layers"])
            )
            self.drop = nn.Dropout(DROPOUT)

        def forward(self, a, mask):
            h, skipped = self.start(a) * mask, 0
            for conv, out in zip(self.convs, self.outs):
                first, second = conv(h).chunk(2, 1)
                made = out(self.drop(torch.tanh(first) * torch.sigmoid(second)))
                if made.shape[1] > hidden:
                    h = (h + made[:, :hidden]) * mask
                skipped = skipped + made[:, -hidden:]
            raw, shift = self.end(skipped).chunk(2, 1)
            return 2 * torch.tanh(raw / 2), shift

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            small = partial(nn.init.normal_, std=0.02)
            shapes = {"shift": (channels, 1), "log_scale": (channels, 1), "log_diagonal": (channels,)}
            shapes |= {"lower": (channels, channels), "upper": (channels, channels)}
            for name, shape in shapes.items():
                self.register_parameter(name, nn.Parameter(small(torch.empty(shape))))
            self.coupling, self.inverse = Coupling(), None

        def matrix(self):
            lower = self.lower.tril(-1) + torch.eye(channels)
            return lower @ (self.upper.triu(1) + torch.diag(self.log_diagonal.exp()))

        def forward(self, z, mask):
            z = (z + self.shift) * self.log_scale.exp()
            z = nn.functional.conv1d(z, self.matrix()[..., None])
            a, b = z.chunk(2, 1)
            log_s, t = self.coupling(a, mask)
            one = self.log_scale.sum() + self.log_diagonal.sum()
            return torch.cat([a, b * log_s.exp() + t], 1), one * mask.sum((1, 2)) + (log_s * mask).sum((1, 2))

        def decode(self, z, mask):
            a, b = z.chunk(2, 1)
            log_s, t = self.coupling(a, mask)
            z = nn.functional.conv1d(torch.cat([a, (b - t) * (-log_s).exp()], 1), self.inverse)
            return z * (-self.log_scale).exp() - self.shift

    class Flow(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList(Block() for _ in range(size["blocks"]))

        def remember_inverses(self):
            for block in self.blocks:
                block.inverse = torch.linalg.inv(block.matrix().detach())[..., None]

        def forward(self, x, mask):
            z, total = self.grouped(x), 0
            for block in self.blocks:
                z, logdet = block(z, mask)
                total = total + logdet
            return self.ungrouped(z), total

        def decode(self, z, mask):
            z = self.grouped(z)
            for block in reversed(self.blocks):
                z = block.decode(z, mask)
            return self.ungrouped(z)

        def grouped(self, x):
            B, C, T = x.shape
            return x.view(B, C, T // SQUEEZE, SQUEEZE).permute(0, 3, 1, 2).reshape(B, C * SQUEEZE, T // SQUEEZE)

        def ungrouped(self, z):
            B, C, G = z.shape
            return z.view(B, SQUEEZE, C // SQUEEZE, G).permute(0, 2, 3, 1).reshape(B, C // SQUEEZE, G * SQUEEZE)

    return Flow()


if __name__ == "__main__":
    main()
