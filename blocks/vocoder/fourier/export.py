"""`vocoder.fourier` as one file: a log-mel (1, T, M), two frames or more as the spec defines them, to its wave (1, S).

StableHLO is traced from the very network; the ONNX graph is built by hand from the same weights, with the inverse Fourier
transform and its overlap-add as one transposed convolution. Axes: T frames, M mels, H channels, F bins, S samples.
"""

import numpy as np

from blocks.spec import AudioSpec
from blocks.vocoder.fourier import Fourier
from blocks.vocoder.fourier.net import KERNEL, LOUDEST, hann, speak

OPSET = 20  # the first with Gelu


def stablehlo(block: Fourier, about: dict[str, str]) -> bytes:
    """What ``jax.export.deserialize`` reads, for CPU and CUDA; it has no room for `about`. Raises ValueError as `ends`."""
    import jax
    import jax.numpy as jnp

    (lead, cut, beyond), hop, generator = ends(block.spec, block._offset), block.spec.hop_length, block._generator
    mean, deviation = block._scale

    def run(log_mel):
        T = log_mel.shape[1]
        scaled = (log_mel - mean) / deviation
        cells = speak(generator, {"params": block._params}, scaled, jnp.full(1, T, jnp.int32), hop)
        padded = jnp.pad(cells, ((0, 0), (lead, max(0, beyond - lead))))
        return jnp.clip(padded[:, cut : cut + T * hop + beyond], -1.0, 1.0)

    (frames,) = jax.export.symbolic_shape("frames")
    taken = jax.ShapeDtypeStruct((1, frames, block.spec.n_mels), np.float32)
    return bytes(jax.export.export(jax.jit(run), platforms=("cpu", "cuda"))(taken).serialize())


def onnx(block: Fourier, about: dict[str, str]) -> bytes:
    """A model that passes ONNX's checker; `about` becomes its metadata. Raises ValueError as `ends`."""
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    graph.add("Identity", _wave(graph, block, _spectrum(graph, block)), out="wave")
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

        names = [name if isinstance(name, str) else self._weight(name) for name in inputs]
        out = out or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [out], **attributes))
        return out

    def _weight(self, value) -> str:
        from onnx import numpy_helper

        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name


def _spectrum(graph: _Graph, block: Fourier) -> str:
    """(1, 2F, T): real parts, then imaginary ones."""
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
    both = _turned(graph, _dense(graph, _norm(graph, x_TH, params["norm_out"]), params["head"]))
    F, axis = block._generator.bins, np.array([1])
    log_magnitude = graph.add("Slice", both, np.array([0]), np.array([F]), axis)
    phase = graph.add("Slice", both, np.array([F]), np.array([2 * F]), axis)
    magnitude = graph.add("Exp", graph.add("Min", log_magnitude, np.float32(LOUDEST)))
    parts = [graph.add("Mul", magnitude, graph.add(turn, phase)) for turn in ("Cos", "Sin")]
    return graph.add("Concat", *parts, axis=1)


def _wave(graph: _Graph, block: Fourier, spectrum: str) -> str:
    """(1, S): windowed inverse transforms laid over each other, divided by the windows that lie there."""
    (lead, cut, beyond), hop, size = ends(block.spec, block._offset), block.spec.hop_length, block._size
    window, bins = hann(size), block._generator.bins
    basis_FN = np.concatenate([np.fft.irfft(unit * np.eye(bins), n=size) for unit in (1, 1j)]) * window
    laid = graph.add("ConvTranspose", spectrum, basis_FN[:, None].astype(np.float32), strides=[hop])
    first = graph.add("Slice", spectrum, np.array([0]), np.array([1]), np.array([1]))
    ones = graph.add("Add", graph.add("Mul", first, np.float32(0)), np.float32(1))
    weight = graph.add("ConvTranspose", ones, (window**2)[None, None], strides=[hop])
    side = np.array([(size - hop) // 2])
    frames = graph.add("Slice", graph.add("Shape", spectrum), np.array([2]), np.array([3]), np.array([0]))
    hops = graph.add("Mul", frames, np.array([hop]))
    upto = graph.add("Add", hops, side)
    laid, weight = (graph.add("Slice", x, side, upto, np.array([2])) for x in (laid, weight))
    cells = graph.add("Div", laid, graph.add("Max", weight, np.float32(1e-3)))
    padded = graph.add("Pad", cells, np.array([0, 0, lead, 0, 0, max(0, beyond - lead)]))
    wave = graph.add("Slice", padded, np.array([cut]), graph.add("Add", hops, np.array([cut + beyond])), np.array([2]))
    return graph.add("Clip", graph.add("Squeeze", wave, np.array([1])), np.float32(-1), np.float32(1))


def _turned(graph: _Graph, x: str) -> str:
    """Time and channels change places."""
    return graph.add("Transpose", x, perm=[0, 2, 1])


def _norm(graph: _Graph, x: str, params: dict) -> str:
    return graph.add("LayerNormalization", x, params["scale"], params["bias"], epsilon=1e-6)


def _dense(graph: _Graph, x: str, params: dict) -> str:
    return graph.add("Add", graph.add("MatMul", x, params["kernel"]), params["bias"])
