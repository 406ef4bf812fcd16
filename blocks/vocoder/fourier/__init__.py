"""Vocos-type vocoder (Flax): a ConvNeXt at frame rate predicts what a source is like, and an inverse Fourier transform makes the wave.

The network predicts from the log-mel how high a voice is, where it is voiced and how noisy; harmonics and noise of that kind are brought
to the very mel that was given, by a filter of minimum phase. How far phases are from these the network predicts as well; `rounds` of
Griffin-Lim then make neighbouring frames agree. One network pass a frame and no loop over samples, so it runs many times faster than real time
on a CPU. It is trained on pitch and on log-mel distances at several resolutions, then also against discriminators of folded waves and
of complex spectra. A head for magnitudes is left out: what it learned from distances filled the valleys between harmonics.
A sample depends on `lookahead` frames to either side: `stream` says the same as `apply` that much later.
Axes: B items, T frames, M mels, S samples.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from blocks.training import Run
from blocks.vocoder._neural import Neural, NeuralConfig
from blocks.vocoder.schema import TrainItem


class Config(NeuralConfig):
    hidden: PositiveInt = 256
    wide: PositiveInt = 768
    layers: PositiveInt = 8
    rounds: NonNegativeInt = 16  # in which frames come to agree on phases, when it speaks
    training_rounds: NonNegativeInt = 2  # the same, when it learns
    pitch_weight: NonNegativeFloat = 0.1  # of pitch and voicing, beside the spectral distance


class Fourier(Neural[Config]):
    tiny = Config(
        hidden=8, wide=16, layers=2, rounds=2, training_rounds=1, crop=16, max_steps=4, max_frames=160, adversarial_from=3, discriminator_width=2,
        periods=(2,), resolutions=(512,),
        warmup_steps=2, checkpoint_interval=2, val_check_interval=2, ema=0.5,
    )  # fmt: skip
    paper = "Siuzdak 2024 (Vocos); Li et al. 2023 (HiFTNet, harmonics and noise); Kong et al. 2020 (HiFi-GAN); Jang et al. 2021 (UnivNet)"
    limits = (
        "It knows speech at the sample rate of its spec, mostly clean. Two voices at once, music and strong noise are "
        "outside of its training data; sung and whispered voices are judged, not trained on."
    )

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        for number, item in enumerate(run.survey()):
            if item.pitch is None or len(item.pitch) != len(item.log_mel):
                found = (
                    "no pitch" if item.pitch is None else f"{len(item.pitch)} frames of pitch for {len(item.log_mel)}"
                )
                raise ValueError(f"item {number} to train on has {found}, want that of features.pitch: wire pitch")
        super().fit(run)

    def _generate(self, params, part: dict):
        """The wave, of a source with the pitch and voicing of the recording; and what is predicted of these."""
        import jax
        import jax.numpy as jnp

        from blocks.vocoder.fourier.net import predict, predicted_pitch, spectra, synthesise
        from blocks.vocoder.fourier.source import Start

        mel, lengths = part["mel"], part["lengths"]
        mean, deviation = part["scale"].T[..., None, None]
        analysis = replace(self._analysis, mean=mean, deviation=deviation)
        predicted, mask = predict(self._generator, {"params": params}, mel, lengths, analysis)
        voiced = part["pitch"] > 0
        pitch = jnp.where(voiced, part["pitch"], jax.lax.stop_gradient(predicted_pitch(predicted)))
        start = Start(*part["start"])
        found, unit, _ = spectra(predicted, pitch, voiced.astype(pitch.dtype), mel, lengths, mask, start, analysis)
        return synthesise(found, unit, mask, analysis.hop, self.config.training_rounds), (
            predicted.pitch,
            predicted.voiced,
        )

    def _apart(self, wave, predicted, part: dict):
        from blocks.vocoder.fourier.losses import voice

        astray = voice(*predicted, part["pitch"], part["lengths"])
        return super()._apart(wave, predicted, part) + self.config.pitch_weight * astray

    def _cropped(self, items: list[TrainItem], size: int, rng=None) -> dict:
        """With the pitch of each crop, and a `Start` at any time: no crop is to know its noise."""
        from blocks.vocoder.fourier.source import NOISE, Start

        start = Start.zero(size)
        if rng:
            start.frame[:] = rng.integers(NOISE, size=size)
            start.phase[:] = rng.integers(2**32, size=size, dtype=np.uint32)
        arrays = super()._cropped(items, size, rng)
        return {**arrays, "start": tuple(start)}

    def _crop(self, item: TrainItem, start: int) -> dict[str, np.ndarray]:
        crop = super()._crop(item, start)
        return crop if item.pitch is None else {**crop, "pitch": item.pitch[start : start + self.config.crop]}

    @property
    def _empty(self) -> dict[str, tuple[int, ...]]:
        return {**super()._empty, "pitch": (self.config.crop,)}

    def _generated(self, arrays: dict):
        from blocks.vocoder.fourier.source import Start

        return self._compiled(self._params, arrays["mel"], arrays["lengths"], Start(*arrays["start"]))[0]

    # ---- use ----

    @property
    def lookahead(self) -> int:
        return sum(self._reach)

    @property
    def _reach(self) -> tuple[int, int]:
        from blocks.vocoder.fourier.net import reach

        return reach(self.config.layers, self.spec.hop_length, self._size, self.config.rounds)

    def _piece(self, mel_BTM, frames: int, first: int, upto: int, memory):
        """`memory`: a frame, and the phase at which it begins."""
        from blocks.vocoder.fourier.source import Start

        anchor, phase = memory or (0, np.uint32(0))
        start = Start(*np.array([[first], [anchor - first]], np.int32), phase[None])
        wave, begins = self._compiled(self._params, mel_BTM, np.array([frames], np.int32), start)
        anchor = max(0, upto - self._reach[1])
        return np.asarray(wave)[0], (anchor, np.asarray(begins)[0, anchor - first])

    @property
    def _shapes_in(self) -> list:
        import jax

        from blocks.vocoder.fourier.mel_analysis import PITCHES

        return [jax.ShapeDtypeStruct((1, 8, size), np.float32) for size in (self.spec.n_mels, PITCHES, 1)]

    @property
    def _analysis(self):
        from blocks.vocoder.fourier.mel_analysis import MelAnalysis

        return MelAnalysis(self.spec, self._size, *map(float, self._scale))

    @cached_property
    def _generator(self):
        from blocks.vocoder.fourier.net import Generator

        config = self.config
        return Generator(config.hidden, config.wide, config.layers, self._size // 2 + 1)

    def _speak(self, params, *given, scale=None):
        """(params, mel, lengths, start) -> wave and phases."""
        from blocks.vocoder.fourier.net import speak

        analysis = self._analysis if scale is None else replace(self._analysis, mean=scale[0], deviation=scale[1])
        return speak(self._generator, {"params": params}, *given, analysis, self.config.rounds)
