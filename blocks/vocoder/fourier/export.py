"""`vocoder.fourier` as one file: a log-mel (1, T, M), two frames or more as the spec defines them, to its wave (1, S).

StableHLO is traced from the very network; the ONNX graph is built by hand from the same weights, with the Fourier transform as a
convolution, its inverse with overlap-add as a transposed one. Axes: T frames, M mels, H channels, F bins, S samples.
"""

import numpy as np

from blocks.vocoder import _export
from blocks.vocoder._convnext import KERNEL
from blocks.vocoder._export import ends
from blocks.vocoder._stft import hann
from blocks.vocoder.fourier import Fourier
from blocks.vocoder.fourier.mel_analysis import FAINT, LEAST, LOWEST, OCTAVE, PITCHES, STEPS
from blocks.vocoder.fourier.net import ASIDE, LOUDEST, MOMENTUM, SMALL, SURE, speak
from blocks.vocoder.fourier.source import NOISE, SHARE, TURN, Start, noise_table

OPSET = 20  # the first with Gelu


def stablehlo(block: Fourier, about: dict[str, str]) -> bytes:
    """As `blocks.vocoder._export.stablehlo`."""
    how = block._analysis, block.config.rounds
    variables = {"params": block._params}
    return _export.stablehlo(block, lambda mel, T: speak(block._generator, variables, mel, T, Start.zero(1), *how)[0])


def onnx(block: Fourier, about: dict[str, str]) -> bytes:
    """A model that passes ONNX's checker; `about` becomes its metadata. Raises ValueError as `ends`."""
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    graph.add("Identity", _wave(graph, block), out="wave")
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


class _Graph:
    """Nodes and weights as they are added; a value is known by its name."""

    def __init__(self):
        self.nodes, self.weights = [], []

    INT64, FLOAT = 7, 1  # TensorProto's numbers

    def add(self, op: str, *inputs, out: str = "", **attributes) -> str:
        """The name of the (only) output; inputs are names, or arrays that become weights."""
        return self.several(op, *inputs, outs=(out or f"{op.lower()}_{len(self.nodes)}",), **attributes)[0]

    def several(self, op: str, *inputs, outs: tuple[str, ...], **attributes) -> tuple[str, ...]:
        """The names of the outputs."""
        from onnx import helper

        names = [name if isinstance(name, str) else self.weight(name) for name in inputs]
        self.nodes.append(helper.make_node(op, names, list(outs), **attributes))
        return outs

    def cut(self, x: str, first: int, last: int = 2**31 - 1) -> str:
        """x[:, first:last]"""
        return self.add("Slice", x, np.array([first]), np.array([last]), np.array([1]))

    def between(self, x: str, scale: float) -> str:
        """Sums of neighbours along the second axis, scaled."""
        return self.add("Mul", self.add("Add", self.cut(x, 1), self.cut(x, 0, -1)), np.float32(scale))

    def halves(self, x: str) -> tuple[str, ...]:
        """(1, 2F, T) as real and imaginary part."""
        number = len(self.nodes)
        return self.several("Split", x, outs=(f"real_{number}", f"imaginary_{number}"), axis=1, num_outputs=2)

    def size(self, x: str) -> str:
        """Of complex numbers (1, 2F, T), (1, F, T)."""
        real, imaginary = self.halves(x)
        power = self.add("Add", self.add("Mul", real, real), self.add("Mul", imaginary, imaginary))
        return self.add("Sqrt", self.add("Add", power, np.float32(SMALL)))

    def weight(self, value) -> str:
        from onnx import numpy_helper

        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name


def _hidden(graph: _Graph, block: Fourier, likeness: str) -> str:
    """(1, T, H): what all heads of the network see."""
    params, side = block._params, [KERNEL // 2] * 2
    mean, deviation = block._scale
    scaled = graph.add("Div", graph.add("Sub", "log_mel", mean), deviation)
    seen = graph.add("Concat", scaled, likeness, axis=2)
    x_HT = graph.add("Conv", _turned(graph, seen), params["taps"].transpose(2, 1, 0), params["bias"], pads=side)
    x_TH = _norm(graph, _turned(graph, x_HT), params["norm_in"])
    for n in range(block.config.layers):
        part = params[f"block_{n}"]
        taps_H1K = part["taps"].T[:, None]
        h = graph.add("Conv", _turned(graph, x_TH), taps_H1K, part["bias"], pads=side, group=block.config.hidden)
        h = _dense(graph, _norm(graph, _turned(graph, h), part["norm"]), part["widen"])
        h = _dense(graph, graph.add("Gelu", h, approximate="tanh"), part["narrow"])
        x_TH = graph.add("Add", x_TH, graph.add("Mul", h, part["gain"]))
    return _norm(graph, x_TH, params["norm_out"])


def _likeness(graph: _Graph, block: Fourier, mel: str) -> str:
    """(1, T, C), as `MelAnalysis.likeness`."""
    relief, patterns = block._analysis.patterns
    contrast = graph.add("MatMul", graph.add("Log", graph.add("Max", mel, np.float32(FAINT))), relief)
    power = graph.add("ReduceSum", graph.add("Mul", contrast, contrast), np.array([2]), keepdims=1)
    length = graph.add("Sqrt", graph.add("Add", power, np.float32(1e-6)))
    return graph.add("Div", graph.add("MatMul", contrast, patterns), length)


def _pitch(graph: _Graph, odds: str) -> str:
    """(1, T, 1) Hz of log-odds (1, T, C), as `net.predicted_pitch`."""
    numbers = np.arange(PITCHES, dtype=np.int64)[None, None]
    far = graph.add("Abs", graph.add("Sub", numbers, graph.add("ArgMax", odds, axis=2, keepdims=1)))
    near = graph.add("Less", far, np.array(ASIDE + 1))
    share = graph.add("Softmax", graph.add("Where", near, odds, np.float32(-np.inf)), axis=2)
    mean = graph.add("ReduceSum", graph.add("Mul", share, numbers.astype(np.float32)), np.array([2]), keepdims=1)
    return graph.add(
        "Mul", graph.add("Exp", graph.add("Mul", mean, np.float32(np.log(2) / OCTAVE))), np.float32(LOWEST)
    )


def _harmonics(graph: _Graph, block: Fourier, pitch: str) -> str:
    """(1, 1, S) of a pitch (1, T, 1) in Hz, as `source.harmonics`."""
    hop, rate = block.spec.hop_length, block.spec.sample_rate
    ends = graph.add("Concat", graph.cut(pitch, 0, 1), pitch, graph.cut(pitch, -1), axis=1)
    edges = graph.between(ends, 0.5 * hop / rate)
    turns = graph.between(edges, 0.5)
    steps = graph.add("Mul", graph.add("Sub", turns, graph.add("Floor", turns)), np.float32(TURN))
    begins = graph.add("CumSum", graph.add("Cast", steps, to=graph.INT64), np.array(1), exclusive=1)
    begins = graph.add("Cast", graph.add("Mod", begins, np.array([int(TURN)])), to=graph.FLOAT)
    place, first = ((np.arange(hop, dtype=np.float32) + 0.5) / hop)[None, None], graph.cut(edges, 0, -1)
    moves = graph.add("Sub", graph.cut(edges, 1), first)
    within = graph.add("Mul", graph.add("Add", graph.add("Mul", moves, 0.5 * place), first), place)
    phase = graph.add("Add", graph.add("Div", begins, np.float32(TURN)), within)
    high = graph.add("Div", np.float32(SHARE * hop), graph.add("Add", graph.add("Mul", moves, place), first))
    count = graph.add("Floor", high)
    around = graph.add("Sub", phase, graph.add("Floor", graph.add("Add", phase, np.float32(0.5))))
    half = graph.add("Mul", around, np.float32(np.pi))
    below = graph.add("Sin", half)
    flat = graph.add("Less", graph.add("Abs", below), np.float32(1e-6))
    odd = graph.add("Add", graph.add("Mul", count, np.float32(2)), np.float32(1))
    above = graph.add("Mul", graph.add("Sin", graph.add("Mul", odd, half)), np.float32(0.5))
    many = graph.add("Sub", graph.add("Div", above, graph.add("Where", flat, np.float32(1), below)), np.float32(0.5))
    level = graph.add("Sqrt", graph.add("Div", np.float32(2), count))
    wave = graph.add("Mul", level, graph.add("Where", flat, count, many))
    return graph.add("Reshape", wave, np.array([1, 1, -1]))


def _noise(graph: _Graph, block: Fourier, frames: str) -> str:
    """(1, 1, S)"""
    count = graph.add("Squeeze", frames, np.array([0]))
    rows = graph.add("Mod", graph.add("Range", np.array(0), count, np.array(1)), np.array([NOISE]))
    table = graph.add("Gather", noise_table(block.spec.hop_length), rows)
    return graph.add("Reshape", table, np.array([1, 1, -1]))


def _spectrum(graph: _Graph, block: Fourier, lay: "_Laying", frames: str) -> tuple[str, str]:
    """(1, 2F, T): real parts, then imaginary ones; and the magnitude (1, F, T). As `net.spectra`."""
    params, mel = block._params, _mel(graph, block)
    likeness = _likeness(graph, block, mel)
    h = _hidden(graph, block, likeness)
    heads = {name: _dense(graph, h, params[name]) for name in ("phase", "noisy", "pitch", "voiced")}
    odds = graph.add("Add", heads["pitch"], graph.add("Mul", likeness, np.float32(SURE)))
    waves = _harmonics(graph, block, _pitch(graph, odds)), _noise(graph, block, frames)
    tonal = graph.add(
        "Mul", graph.add("Sigmoid", heads["voiced"]), graph.add("Sigmoid", graph.add("Neg", heads["noisy"]))
    )
    narrow, wide = (_mixed(graph, lay, waves, tonal, *view) for view in block._analysis.views)
    sizes = [graph.size(part) for part in (narrow, wide)]
    magnitude = _turned(graph, graph.add("Min", _shaped(graph, block, mel, *sizes), np.float32(LOUDEST)))
    gain = graph.add("Div", graph.add("Add", magnitude, np.float32(FAINT)), sizes[0])
    early = graph.add("MatMul", graph.add("Log", _turned(graph, gain)), block._analysis.hilbert)
    phase = _turned(graph, graph.add("Add", heads["phase"], early))
    cos, sin = (graph.add(turn, phase) for turn in ("Cos", "Sin"))
    real, imaginary = graph.halves(narrow)
    scale = graph.add("Div", magnitude, sizes[0])
    turned = [
        graph.add("Sub", graph.add("Mul", real, cos), graph.add("Mul", imaginary, sin)),
        graph.add("Add", graph.add("Mul", real, sin), graph.add("Mul", imaginary, cos)),
    ]
    return graph.add("Concat", *(graph.add("Mul", part, scale) for part in turned), axis=1), magnitude


def _mixed(graph: _Graph, lay: "_Laying", waves: tuple[str, str], tonal: str, points: int, spread: np.ndarray) -> str:
    """(1, 2F, T): harmonics and noise, each with its share."""
    share = graph.add("Clip", graph.add("MatMul", tonal, spread), np.float32(0), np.float32(1))
    parts = []
    for wave, part in zip(waves, (share, graph.add("Sub", np.float32(1), share))):
        level = _turned(graph, graph.add("Sqrt", graph.add("Add", part, np.float32(SMALL))))
        parts.append(graph.add("Mul", lay.transform(wave, points), graph.add("Concat", level, level, axis=1)))
    return graph.add("Add", *parts)


def _mel(graph: _Graph, block: Fourier) -> str:
    """(1, T, M) before the logarithm."""
    spec = block.spec
    base = np.float32(np.log(10.0) if spec.log_base == "10" else 1.0)
    shifted = graph.add("Sub", "log_mel", np.float32(spec.log_offset))
    mel = graph.add("Exp", graph.add("Mul", shifted, np.float32(base / spec.log_gain)))
    if spec.log_floor_mode == "add":
        mel = graph.add("Max", graph.add("Sub", mel, np.float32(spec.log_floor)), np.float32(0))
    return mel


def _shaped(graph: _Graph, block: Fourier, mel: str, narrow: str, wide: str) -> str:
    """(1, T, F): the magnitude of the source, brought to the mel, as `MelAnalysis.magnitude`."""
    spec, (filters, share), (below, above, weight) = block.spec, block._analysis.filters, block._analysis.places
    first = _turned(graph, wide)
    power = first = graph.add("Mul", first, first) if spec.power == 2 else first
    for _ in range(STEPS):
        wrong = graph.add("Div", mel, graph.add("Max", graph.add("MatMul", power, filters), np.float32(LEAST)))
        power = graph.add("Mul", power, graph.add("MatMul", wrong, share))
        power = graph.add("Max", power, np.float32(LEAST))
    gain = graph.add("Div", power, first)
    sides = [graph.add("Gather", gain, side.astype(np.int64), axis=2) for side in (below, above)]
    gain = graph.add("Add", *(graph.add("Mul", x, w) for x, w in zip(sides, (1 - weight, weight))))
    return graph.add("Mul", _turned(graph, narrow), graph.add("Sqrt", gain) if spec.power == 2 else gain)


def _wave(graph: _Graph, block: Fourier) -> str:
    """(1, S): frames agree on their phases, are laid over each other, and cut as the spec says."""
    (lead, cut, beyond), hop = ends(block.spec, block._offset), block.spec.hop_length
    frames = graph.add("Slice", graph.add("Shape", "log_mel"), np.array([1]), np.array([2]), np.array([0]))
    hops = graph.add("Mul", frames, np.array([hop]))
    lay = _Laying(graph, block, hops)
    before, magnitude = _spectrum(graph, block, lay, frames)
    spectrum = before
    for _ in range(block.config.rounds):
        projected = lay.transform(lay.inverse(spectrum))
        ahead = graph.add("Add", projected, graph.add("Mul", graph.add("Sub", projected, before), np.float32(MOMENTUM)))
        gain = graph.add("Div", magnitude, graph.size(ahead))
        spectrum, before = graph.add("Mul", ahead, graph.add("Concat", gain, gain, axis=1)), projected
    padded = graph.add("Pad", lay.inverse(spectrum), np.array([0, 0, lead, 0, 0, max(0, beyond - lead)]))
    wave = graph.add("Slice", padded, np.array([cut]), graph.add("Add", hops, np.array([cut + beyond])), np.array([2]))
    return graph.add("Clip", graph.add("Squeeze", wave, np.array([1])), np.float32(-1), np.float32(1))


class _Laying:
    """The transform and its inverse as convolutions, between spectra (1, 2F, T) and waves (1, 1, S)."""

    def __init__(self, graph: _Graph, block: Fourier, hops: str):
        self.graph, self.hop, self.size = graph, block.spec.hop_length, block._size
        self.window, bins = hann(self.size), block._generator.bins
        self.side, self.rest = (self.size - self.hop) // 2, -(-(self.size - self.hop) // 2)
        basis_FN = np.concatenate([np.fft.irfft(unit * np.eye(bins), n=self.size) for unit in (1, 1j)]) * self.window
        self.synthesis, self.analyses = graph.weight(basis_FN[:, None].astype(np.float32)), {}
        self.span = np.array([self.side]), graph.add("Add", hops, np.array([self.side])), np.array([2])
        first = _turned(graph, graph.add("Slice", "log_mel", np.array([0]), np.array([1]), np.array([2])))
        ones = graph.add("Add", graph.add("Mul", first, np.float32(0)), np.float32(1))
        weight = graph.add("ConvTranspose", ones, (self.window**2)[None, None], strides=[self.hop])
        self.weight = graph.add("Max", graph.add("Slice", weight, *self.span), np.float32(1e-3))

    def inverse(self, spectrum: str) -> str:
        laid = self.graph.add("ConvTranspose", spectrum, self.synthesis, strides=[self.hop])
        return self.graph.add("Div", self.graph.add("Slice", laid, *self.span), self.weight)

    def transform(self, wave: str, points: int | None = None) -> str:
        points = points or self.size
        if points not in self.analyses:
            waves_FN = np.fft.rfft(np.eye(self.size), n=points).T * self.window
            parts = np.concatenate([waves_FN.real, waves_FN.imag])[:, None]
            self.analyses[points] = self.graph.weight(parts.astype(np.float32))
        return self.graph.add("Conv", wave, self.analyses[points], strides=[self.hop], pads=[self.side, self.rest])


def _turned(graph: _Graph, x: str) -> str:
    """Time and channels change places."""
    return graph.add("Transpose", x, perm=[0, 2, 1])


def _norm(graph: _Graph, x: str, params: dict) -> str:
    return graph.add("LayerNormalization", x, params["scale"], params["bias"], epsilon=1e-6)


def _dense(graph: _Graph, x: str, params: dict) -> str:
    return graph.add("Add", graph.add("MatMul", x, params["kernel"]), params["bias"])
