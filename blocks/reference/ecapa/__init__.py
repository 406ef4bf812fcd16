"""ECAPA-TDNN (torch): a second judge of whose voice it is, trained here and independent of GE2E's.

A network that classifies the voices of its training data by an additive angular margin; what it makes of a recording, before
that decision, is the embedding. It takes 80 log-mels at 16 kHz, not below 60 dB under the loudest, less their mean over the
recording, so that level and microphone count little. Each crop in training is played at 0.9, 1 or 1.1 times its speed, which
makes a voice of its own each (Yamamoto et al. 2019), half of them end at a band drawn between 3 and 8 kHz, and some bands and
frames are hidden (Park et al. 2019): corpora must not be recognised by how they were recorded.
It judges only: whoever conditions on one of its embeddings must be judged by another.
Axes: B batch, T frames, M mels, E embedding.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from blocks.arrays import Speaker, Split
from blocks.base import Trainable
from blocks.common import symbols, weights
from blocks.common.mel import log_mel, mel_filters
from blocks.common.schedule import ramp, warmup_cosine
from blocks.common.symbols import Symbols
from blocks.reference import _waves
from blocks.reference.schema import Embedded, Recorded
from blocks.spec import AudioSpec
from blocks.training import FitConfig, Run

SPEC = AudioSpec(
    sample_rate=16000, n_fft=1024, hop_length=160, win_length=400, n_mels=80, f_min=20.0, f_max=7600.0, mel_scale="htk",
    norm="none", log_floor=1e-8,
)  # fmt: skip
RANGE = 60 / 20 * np.log(10)  # of a log magnitude, below the loudest
SPEEDS = (1.0, 0.9, 1.1)
NARROW_HZ = (3000.0, 8000.0)  # where the band of half the crops ends


class TrainItem(Recorded):
    speaker: Speaker
    split: Split | None = None  # dev rows are for validation


class Config(FitConfig):
    channels: PositiveInt = 128
    scale: PositiveInt = 8  # groups of channels in a Res2 block
    squeeze: PositiveInt = 64
    attention: PositiveInt = 64
    embedding: PositiveInt = 192
    crop_s: PositiveFloat = 2.0  # of a recording that a step hears; a shorter one is repeated
    margin: NonNegativeFloat = 0.2  # radians, grown from 0 over the first fifth of the training
    sharpness: PositiveFloat = 30.0  # of cosines in the softmax
    lr: PositiveFloat = 1e-3
    final_lr: float = Field(0.02, ge=0.0, le=1.0)  # what is left of it at the last step, along a cosine
    warmup_steps: PositiveInt = 200
    weight_decay: NonNegativeFloat = 2e-4
    max_items: PositiveInt = 32
    min_seconds: PositiveFloat = 0.5  # less than that says little about a voice

    @model_validator(mode="after")
    def _groups(self):
        if self.channels % self.scale:
            raise ValueError(f"channels {self.channels} do not part into {self.scale} groups (scale)")
        return self


class EcapaTdnn(Trainable[Config]):
    tiny = Config(
        channels=8, scale=2, squeeze=4, attention=4, embedding=6, crop_s=0.4, max_steps=4, max_items=4, warmup_steps=2,
        val_check_interval=2, checkpoint_interval=2, min_seconds=0.01,
    )  # fmt: skip
    paper = "Desplanques et al. 2020 (ECAPA-TDNN); Deng et al. 2019 (the margin)"
    needs = ("torch",)
    extra = "train"
    limits = "It was trained on few voices: unseen ones lie nearer to each other than in encoders of thousands."

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        torch.manual_seed(run.key(0, "weights"))
        if run.init:
            self.load(run.init)
            known = self.voices
        else:
            self.net, self.classes, known = self._network(), None, Symbols()
        self.voices = Symbols([*known, *(item.speaker for item in run.survey())])
        self._widen()
        from blocks.reference.ecapa.net import Judged, margin_loss

        judged = Judged(self.net, self.classes)
        model = run.parallel(judged)
        optimizer = torch.optim.AdamW(judged.parameters(), weight_decay=self.config.weight_decay)
        run.state(model=judged, optimizer=optimizer)
        for batch in run.batches(validate=self.validate):
            for group in optimizer.param_groups:
                group["lr"] = self._rate(batch.step)
            optimizer.zero_grad()
            margin = self.config.margin * ramp(batch.step, 0, self.config.max_steps // 5)
            key = run.key(batch.step, "crops")

            def loss(part, key=key, margin=margin):
                mels, voices = self._crops(part.ids, part.items, key)
                cosines = model(mels)
                right = (cosines.argmax(1) == voices).float().mean()
                return {"loss": margin_loss(cosines, voices, margin, self.config.sharpness), "accuracy": right}

            numbers = run.backward(batch, loss)
            if run.accepts(batch, numbers["loss"]):
                torch.nn.utils.clip_grad_norm_(judged.parameters(), 5.0)
                optimizer.step()
            run.report(batch.step, **numbers, lr=self._rate(batch.step))

    def validate(self, items: list[TrainItem]) -> dict[str, float]:
        """Of the middle of each item, without a margin; items of voices that are not trained on are passed over."""
        import torch
        from torch.nn import functional

        items = [item for item in items if item.speaker in self.voices]
        if not items:
            return {"loss": 0.0, "accuracy": 0.0}
        with torch.inference_mode():
            mels = torch.from_numpy(np.stack([features(self._piece(item.wave, None)) for item in items]))
            voices = torch.tensor([self._row(item.speaker, 0) for item in items], device=self._device)
            cosines = self.classes(self.net(mels.to(self._device)))
            loss = functional.cross_entropy(self.config.sharpness * cosines, voices)
            right = (cosines.argmax(1) == voices).float().mean()
        return {"loss": float(loss), "accuracy": float(right)}

    def length(self, item: Recorded) -> int:
        """All items to learn from are as long as a crop, so that all batches have one shape."""
        return self._crop_frames if isinstance(item, TrainItem) else len(item.wave)

    @property
    def _crop_frames(self) -> int:
        return int(self.config.crop_s * SPEC.frame_rate)

    def _crops(self, ids: list[str], items: list[TrainItem], key: int):
        """Tensors (B, T, M) and the number of each one's voice, which its speed is a part of."""
        import zlib

        import torch

        mels, voices = [], []
        for id, item in zip(ids, items, strict=True):
            rng = np.random.default_rng([key, zlib.crc32(id.encode())])
            speed = int(rng.integers(len(SPEEDS)))
            mels.append(_hidden(features(self._piece(item.wave, rng, SPEEDS[speed])), rng))
            voices.append(self._row(item.speaker, speed))
        device = self._device
        return torch.from_numpy(np.stack(mels)).to(device), torch.tensor(voices, device=device)

    def _piece(self, wave: np.ndarray, rng: np.random.Generator | None, speed: float = 1.0) -> np.ndarray:
        """A stretch of `crop_s` at 16 kHz: anywhere, or the middle where there is no generator."""
        want = self._crop_frames * SPEC.hop_length
        taken = int(np.ceil((want + 400) * speed * self.spec.sample_rate / SPEC.sample_rate))
        wave = np.tile(wave, -(-taken // max(1, len(wave))))
        spare = len(wave) - taken
        start = spare // 2 if rng is None else int(rng.integers(spare + 1))
        piece = _waves.resampled(wave[start : start + taken], self.spec.sample_rate * speed, SPEC.sample_rate)
        return np.ascontiguousarray(piece[:want], np.float32)

    def _row(self, speaker: str, speed: int) -> int:
        return (self.voices.row(speaker) - 1) * len(SPEEDS) + speed

    def _rate(self, step: int) -> float:
        config = self.config
        return config.lr * warmup_cosine(step, config.warmup_steps, config.max_steps, config.final_lr)

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        tensors = {f"net.{name}": value.cpu().numpy() for name, value in self.net.state_dict().items()}
        tensors["directions"] = self.classes.directions.detach().cpu().numpy()
        weights.write(folder, tensors, symbols.write(folder, speakers=self.voices))

    def load(self, folder: Path) -> None:
        import torch

        found, about = weights.read(folder)
        (self.voices,) = symbols.read(folder, "speakers", about=about)
        self.net, self.classes = self._network(), None
        self._widen()
        wanted = {f"net.{name}": tuple(value.shape) for name, value in self.net.state_dict().items()}
        wanted["directions"] = tuple(self.classes.directions.shape)
        weights.check({name: value.shape for name, value in found.items()}, wanted, f"{folder}")
        tensors = {name: torch.from_numpy(value.astype(np.float32)) for name, value in found.items()}
        with torch.no_grad():
            self.classes.directions.copy_(tensors.pop("directions"))
        self.net.load_state_dict({name.removeprefix("net."): value for name, value in tensors.items()})
        self.net.to(self.device).eval()
        self.classes.to(self.device)

    def _network(self):
        from blocks.reference.ecapa.net import Ecapa

        config = self.config
        taken = (config.channels, config.scale, config.squeeze, config.attention, config.embedding)
        return Ecapa(SPEC.n_mels, *taken)

    def _widen(self) -> None:
        """Classes for all voices; those that are known keep their directions."""
        import torch

        from blocks.reference.ecapa.net import Classes

        old, self.classes = self.classes, Classes(self.config.embedding, len(self.voices) * len(SPEEDS))
        if old:
            with torch.no_grad():
                self.classes.directions[: len(old.directions)] = old.directions

    @property
    def _device(self):
        return self.classes.directions.device

    # ---- use ----

    def apply(self, items: list[Recorded]) -> list[Embedded]:
        """Raises BadItem for a recording that is too short, not finite or silent."""
        return [Embedded(embedding=self._one(item.wave)) for item in items]

    def _one(self, wave: np.ndarray) -> np.ndarray:
        import torch

        speech = _waves.speech(wave, self.spec.sample_rate, SPEC.sample_rate, self.config.min_seconds)
        with torch.inference_mode():
            mel = torch.from_numpy(features(speech)[None]).to(self._device)
            return self.net(mel)[0].float().cpu().numpy()


def features(wave: np.ndarray) -> np.ndarray:
    """float32 (T, M): log-mels of one recording about their mean, nothing farther than `RANGE` below the loudest."""
    mel = log_mel(wave, SPEC)
    mel = np.maximum(mel, mel.max() - np.float32(RANGE))
    return mel - mel.mean(axis=0)


def _hidden(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With what is above a drawn band hidden in half of the crops, and in all of them a few bands and frames."""
    if rng.random() < 0.5:
        mel[:, _centres() > rng.uniform(*NARROW_HZ)] = 0
    for axis, most in ((0, 10), (1, 8)):
        width = int(rng.integers(most + 1))
        start = int(rng.integers(max(1, mel.shape[axis] - width)))
        np.moveaxis(mel, axis, 0)[start : start + width] = 0
    return mel


@lru_cache
def _centres() -> np.ndarray:
    """float (M,): the middle of each band in Hz."""
    filters = mel_filters(SPEC)
    return np.arange(len(filters)) @ filters / filters.sum(axis=0) * SPEC.sample_rate / SPEC.n_fft
