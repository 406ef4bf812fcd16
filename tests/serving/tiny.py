"""The graph of tiny.yaml with a vocoder beside it whose weights are drawn at random: training one takes too long for a test."""

import shutil
from pathlib import Path

import numpy as np

from blocks.load import find
from blocks.spec import AudioSpec
from runner.store.artifact import write_manifest


def write_tiny(folder: Path) -> Path:
    """The graph's file in `folder`."""
    import jax

    spec = AudioSpec(n_mels=20)
    Fourier = find("vocoder.fourier")
    block, rng = Fourier(Fourier.tiny, spec), np.random.default_rng(1)
    # Far from their start, where it would whisper.
    block._params = jax.tree.map(lambda a: (0.3 * rng.standard_normal(a.shape)).astype(np.float32), block._wanted)
    block._scale, block._trained = np.array([-4.0, 2.0], np.float32), {"params": block._params, "discriminators": {}}
    (folder / "vocoder").mkdir()
    block.save(folder / "vocoder")
    about = {
        "block": "vocoder.fourier",
        "config": block.config.model_dump(mode="json"),
        "spec": spec.model_dump(mode="json"),
    }
    write_manifest(folder / "vocoder", about)
    return Path(shutil.copy(Path(__file__).with_suffix(".yaml"), folder))
