"""`vocoder.istftnet` as one file. There is no ONNX: JAX has no writer of it, and a graph by hand would be a second network to keep."""

from functools import partial

from blocks.vocoder import _export
from blocks.vocoder.istftnet import ISTFTNet


def stablehlo(block: ISTFTNet, about: dict[str, str]) -> bytes:
    """As `blocks.vocoder._export.stablehlo`."""
    return _export.stablehlo(block, partial(block._speak, block._params))
