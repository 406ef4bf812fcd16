"""`vocoder.fourier` as one file: a log-mel (1, T, M), two frames or more as the spec defines them, to its wave (1, S).

StableHLO is traced from the very network; the ONNX graph is built by hand from the same weights, with the Fourier transform as a
convolution, its inverse with overlap-add as a transposed one. Axes: T frames, M mels, H channels, F bins, S samples.
"""

import numpy as np

from blocks.spec import AudioSpec
from blocks.vocoder.fourier import Fourier
from blocks.vocoder.fourier.net import KERNEL, LOUDEST, MOMENTUM, QUIETEST, SMALL, hann, speak
from blocks.vocoder.fourier.sound import LEAST, STEPS

OPSET = 20  # the first with Gelu


def stablehlo(block: Fourier, about: dict[str, str]) -> bytes:
    """What ``jax.export.deserialize`` reads, for CPU and CUDA; it has no room for `about`. Raises ValueError as `ends`."""
    import jax
    import jax.numpy as jnp

    (lead, cut, beyond), hop, generator = ends(block.spec, block._offset), block.spec.hop_length, block._generator
    how = block._sound, block.config.rounds

    def run(log_mel):
        T = log_mel.shape[1]
        cells = speak(generator, {"params": block._params}, log_mel, jnp.full(1, T, jnp.int32), *how)
        padded = jnp.pad(cells, ((0, 0), (lead, max(0, beyond - lead))))
        return jnp.clip(padded[:, cut : cut + T * hop + beyond], -1.0, 1.0)

    (frames,) = jax.export.symbolic_shape("frames")
    taken = jax.ShapeDtypeStruct((1, frames, block.spec.n_mels), np.float32)
    return bytes(jax.export.export(jax.jit(run), platforms=("cpu", "cuda"))(taken).serialize())


def onnx(block: Fourier, about: dict[str, str]) -> bytes:
    """A model that passes ONNX's checker; `about` becomes its metadata. Raises ValueError as `ends`."""
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    graph.add("Identity", _wave(graph, block, *_spectrum(graph, block)), out="wave")
    taken = helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, [1, "frames", block.spec.n_mels])
    given = helper.make_tensor_value_info("wave", TensorProto.FLOAT, [1, "samples"])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "vocoder.fourier", [taken], [given], graph.weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=9,  # that of opset 20: runtimes refuse one that is newer than they are
        producer_name="voxblocks",
    )
    helper.set_model_props(model, about)
    checker.check_model(model, full_check=True)
    return model.SerializeToString()


def ends(spec: AudioSpec, offset: int) -> tuple[int, int, int]:
    """Zeros before the frames' own hops, samples cut there, and samples that the wave has beyond them all.

    Raises ValueError for a spec with pre-emphasis, whose inverse runs sample by sample.
    """
    if spec.preemphasis:
        raise ValueError(f"the audio spec has preemphasis {spec.preemphasis:g}, which cannot be exported; want 0")
    return max(0, offset), max(0, -offset), spec.samples(2) - 2 * spec.hop_length


class _Graph:
    """Nodes and weights as they are added; a value is known by its name."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def add(self, op: str, *inputs, out: str = "", **attributes) -> str:
        """The name of the (only) output; inputs are names, or arrays that become weights."""
        from onnx import helper

        names = [name if isinstance(name, str) else self.weight(name) for name in inputs]
        out = out or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [out], **attributes))
        return out

    def weight(self, value) -> str:
        from onnx import numpy_helper

        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name


def _spectrum(graph: _Graph, block: Fourier) -> tuple[str, str]:
    """(1, 2F, T): real parts, then imaginary ones; and the magnitude (1, F, T)."""
    params, side = block._params, [KERNEL // 2] * 2
    mean, deviation = block._scale
    scaled = graph.add("Div", graph.add("Sub", "log_mel", mean), deviation)
    x_HT = graph.add("Conv", _turned(graph, scaled), params["taps"].transpose(2, 1, 0), params["bias"], pads=side)
    x_TH = _norm(graph, _turned(graph, x_HT), params["norm_in"])
    for n in range(block.config.layers):
        part = params[f"block_{n}"]
        taps_H1K = part["taps"].T[:, None]
        h = graph.add("Conv", _turned(graph, x_TH), taps_H1K, part["bias"], pads=side, group=block.config.hidden)
        h = _dense(graph, _norm(graph, _turned(graph, h), part["norm"]), part["widen"])
        h = _dense(graph, graph.add("Gelu", h, approximate="tanh"), part["narrow"])
        x_TH = graph.add("Add", x_TH, graph.add("Mul", h, part["gain"]))
    h = _norm(graph, x_TH, params["norm_out"])
    told = graph.add("Log", graph.add("Add", _told(graph, block), np.float32(QUIETEST)))
    log_magnitude = graph.add("Add", told, _dense(graph, h, params["beyond"]))
    magnitude = _turned(graph, graph.add("Exp", graph.add("Min", log_magnitude, np.float32(LOUDEST))))
    phase = _turned(graph, _dense(graph, h, params["phase"]))
    parts = [graph.add("Mul", magnitude, graph.add(turn, phase)) for turn in ("Cos", "Sin")]
    return graph.add("Concat", *parts, axis=1), magnitude


def _told(graph: _Graph, block: Fourier) -> str:
    """(1, T, F): the magnitude that the mel tells by itself, as `Sound.magnitude`."""
    spec, (filters, share, (below, above, weight)) = block.spec, block._sound.tables
    base = np.float32(np.log(10.0) if spec.log_base == "10" else 1.0)
    shifted = graph.add("Sub", "log_mel", np.float32(spec.log_offset))
    mel = graph.add("Exp", graph.add("Mul", shifted, np.float32(base / spec.log_gain)))
    if spec.log_floor_mode == "add":
        mel = graph.add("Max", graph.add("Sub", mel, np.float32(spec.log_floor)), np.float32(0))
    power = graph.add("MatMul", mel, share)
    for _ in range(STEPS):
        wrong = graph.add("Div", mel, graph.add("Max", graph.add("MatMul", power, filters), np.float32(LEAST)))
        power = graph.add("Mul", power, graph.add("MatMul", wrong, share))
        power = graph.add("Max", power, np.float32(LEAST))
    sides = [graph.add("Gather", power, side.astype(np.int64), axis=2) for side in (below, above)]
    power = graph.add("Add", *(graph.add("Mul", x, w) for x, w in zip(sides, (1 - weight, weight))))
    return graph.add("Sqrt", power) if spec.power == 2 else power


def _wave(graph: _Graph, block: Fourier, spectrum: str, magnitude: str) -> str:
    """(1, S): frames agree on their phases, are laid over each other, and cut as the spec says."""
    (lead, cut, beyond), hop = ends(block.spec, block._offset), block.spec.hop_length
    frames = graph.add("Slice", graph.add("Shape", magnitude), np.array([2]), np.array([3]), np.array([0]))
    hops = graph.add("Mul", frames, np.array([hop]))
    lay = _Laying(graph, block, magnitude, hops)
    before = spectrum
    for _ in range(block.config.rounds):
        heard = lay.transform(lay.inverse(spectrum))
        ahead = graph.add("Mul", graph.add("Sub", heard, before), np.float32(MOMENTUM))
        spectrum, before = lay.magnified(graph.add("Add", heard, ahead)), heard
    padded = graph.add("Pad", lay.inverse(spectrum), np.array([0, 0, lead, 0, 0, max(0, beyond - lead)]))
    wave = graph.add("Slice", padded, np.array([cut]), graph.add("Add", hops, np.array([cut + beyond])), np.array([2]))
    return graph.add("Clip", graph.add("Squeeze", wave, np.array([1])), np.float32(-1), np.float32(1))


class _Laying:
    """The transform and its inverse as convolutions, between spectra (1, 2F, T) and waves (1, 1, S)."""

    def __init__(self, graph: _Graph, block: Fourier, magnitude: str, hops: str):
        self.graph, self.magnitude, self.hop, size = graph, magnitude, block.spec.hop_length, block._size
        window, bins = hann(size), block._generator.bins
        self.side, self.rest, self.bins = (size - self.hop) // 2, -(-(size - self.hop) // 2), bins
        basis_FN = np.concatenate([np.fft.irfft(unit * np.eye(bins), n=size) for unit in (1, 1j)]) * window
        self.synthesis = graph.weight(basis_FN[:, None].astype(np.float32))
        waves_FN = np.fft.rfft(np.eye(size)).T * window
        self.analysis = graph.weight(np.concatenate([waves_FN.real, waves_FN.imag])[:, None].astype(np.float32))
        self.span = np.array([self.side]), graph.add("Add", hops, np.array([self.side])), np.array([2])
        first = graph.add("Slice", magnitude, np.array([0]), np.array([1]), np.array([1]))
        ones = graph.add("Add", graph.add("Mul", first, np.float32(0)), np.float32(1))
        weight = graph.add("ConvTranspose", ones, (window**2)[None, None], strides=[self.hop])
        self.weight = graph.add("Max", graph.add("Slice", weight, *self.span), np.float32(1e-3))

    def inverse(self, spectrum: str) -> str:
        laid = self.graph.add("ConvTranspose", spectrum, self.synthesis, strides=[self.hop])
        return self.graph.add("Div", self.graph.add("Slice", laid, *self.span), self.weight)

    def transform(self, wave: str) -> str:
        return self.graph.add("Conv", wave, self.analysis, strides=[self.hop], pads=[self.side, self.rest])

    def magnified(self, spectrum: str) -> str:
        """With the magnitude that it shall have."""
        graph, axis = self.graph, np.array([1])
        ends = np.array([0]), np.array([self.bins]), np.array([2 * self.bins])
        real, imaginary = (graph.add("Slice", spectrum, *span, axis) for span in (ends[:2], ends[1:]))
        power = graph.add("Add", graph.add("Mul", real, real), graph.add("Mul", imaginary, imaginary))
        found = graph.add("Sqrt", graph.add("Add", power, np.float32(SMALL)))
        gain = graph.add("Div", self.magnitude, found)
        return graph.add("Concat", *(graph.add("Mul", part, gain) for part in (real, imaginary)), axis=1)


def _turned(graph: _Graph, x: str) -> str:
    """Time and channels change places."""
    return graph.add("Transpose", x, perm=[0, 2, 1])


def _norm(graph: _Graph, x: str, params: dict) -> str:
    return graph.add("LayerNormalization", x, params["scale"], params["bias"], epsilon=1e-6)


def _dense(graph: _Graph, x: str, params: dict) -> str:
    return graph.add("Add", graph.add("MatMul", x, params["kernel"]), params["bias"])
