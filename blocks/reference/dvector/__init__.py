"""Voice encoder that is trained here with the GE2E loss: a recording of half a second or more -> a unit vector of the voice.

It is meant to condition other models; a judge should be another encoder, such as `reference.ge2e`.
What names a voice in a pool of corpora but is none of it is kept from the encoder: it sees only mels below `f_max`, where all
corpora have something; a recording's loud frames are brought to 0 dB and what lies `range_db` below is raised to that; training
adds a tilt of the spectrum and a level of noise, new for each crop. Crops shorter than a step's window go on with
another recording of the voice. Frames are taken in pairs.
A step has `voices` times `recordings` crops of its own drawing, as the loss wants it; several processes would all compute the
same one. In use, windows of 1.6 s, half of each shared with the next, are averaged.
Axes: T frames, M mels below `f_max`, V voices, R recordings.
"""

from collections import defaultdict
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from blocks.base import BadItem, Failure, Trainable
from blocks.common import weights
from blocks.common.mel import decibels, log_mel, mels_below
from blocks.common.schedule import warmup_linear
from blocks.reference.schema import Embedded, Recorded, TrainItem
from blocks.training import FitConfig, Precision, Run

_LOUD = 0.9  # quantile of the frames' levels that is brought to 0 dB
_WINDOW_S = 1.6  # of which the vectors are averaged (Wan et al. 2018)
_KNOWN = 8  # recordings of a training voice that validation compares with


class Config(FitConfig):
    size: PositiveInt = 128  # of the vector
    hidden: PositiveInt = 256
    layers: PositiveInt = 2
    f_max: PositiveFloat = 4000.0  # Hz; mels that hear something above are left out
    range_db: PositiveFloat = 45.0  # below the loud frames, where silence and noise lie
    voices: int = Field(16, ge=2)  # of a step
    recordings: int = Field(4, ge=2)  # of each
    shortest: PositiveFloat = 1.0  # seconds of a step's crops, drawn between both
    longest: PositiveFloat = 1.8
    tilt_db: NonNegativeFloat = 6.0  # at both ends of the band, up and down, at most
    noise_db: PositiveFloat = 50.0  # noise lies between 15 dB and this below the loud frames; 15 or less: none
    lr: PositiveFloat = 1e-3
    clip: PositiveFloat = 3.0  # norm of the gradient
    precision: Precision = "float32"  # of the layers in training
    min_seconds: PositiveFloat = 0.5  # less than that says little about a voice
    max_steps: PositiveInt = 2000
    weights: Literal["best", "last"] = "last"
    # A step draws its own recordings: these would change nothing.
    max_items: Literal[1] = 1
    accumulate: Literal[1] = 1
    balance: Literal[0.0] = 0.0


class Dvector(Trainable[Config]):
    tiny = Config(
        size=8, hidden=8, layers=1, voices=2, recordings=2, max_steps=2, shortest=0.2, longest=0.3, min_seconds=0.01
    )
    paper = "Wan et al. 2018, Generalized End-to-End Loss for Speaker Verification"
    needs = ("torch",)
    extra = "train"
    limits = (
        "Trained on few voices beside published encoders: it conditions models of voices like those, and is no judge of identity. "
        "It hears nothing above its `f_max`."
    )

    net = None  # once there are weights

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        """Raises ValueError for fewer voices, or recordings of a voice, than a step wants."""
        import torch

        from blocks.reference.dvector.net import ge2e

        self._begin(run)
        voices = self._voices(run)
        model = run.parallel(self.net)
        optimizer = torch.optim.Adam(self.net.parameters(), lr=self.config.lr)
        run.state(model=self.net, optimizer=optimizer)

        def loss(part):
            vectors = model(self._on_device(self._crops(voices, np.random.default_rng(run.key(part.step, "crops")))))
            vectors_VRD = vectors.view(self.config.voices, self.config.recordings, -1).float()
            similar, right = ge2e(vectors_VRD, self.net.scale, self.net.shift)
            return {"loss": torch.nn.functional.cross_entropy(similar, right),
                    "accuracy": (similar.argmax(1) == right).float().mean()}  # fmt: skip

        step, centroids = 0, {}

        def validate(items: list[TrainItem]) -> dict[str, float]:
            if step not in centroids:  # the first group of dev items
                centroids.clear()
                centroids[step] = self._centroids(voices)
            return self._validate(items, centroids[step])

        for batch in run.batches(validate=validate):
            step = batch.step
            rate = self.config.lr * warmup_linear(batch.step, 1, self.config.max_steps, final=0.05)
            for group in optimizer.param_groups:
                group["lr"] = rate
            self.net.train()
            optimizer.zero_grad()
            numbers = run.backward(batch, loss)
            if run.accepts(batch, numbers["loss"]):
                norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
                optimizer.step()
                run.report(batch.step, **numbers, lr=rate, grad_norm=norm)
        self.net.eval()

    def _begin(self, run: Run[TrainItem]) -> None:
        import torch

        torch.manual_seed(run.key(0, "weights"))
        self.net = self._network()
        if run.init:
            self.load(run.init)

    def _voices(self, run: Run[TrainItem]) -> dict[str, list[np.ndarray]]:
        """The levels of each voice that has recordings enough, as float16: all of it stays in memory."""
        found = defaultdict(list)
        for item in run.items:
            found[item.speaker].append(self._levels(item.log_mel).astype(np.float16))
        enough = {name: levels for name, levels in found.items() if len(levels) >= self.config.recordings}
        if len(enough) < self.config.voices:
            raise ValueError(
                f"{len(enough)} of {len(found)} voices have {self.config.recordings} recordings, want {self.config.voices} "
                "such voices: give it more, or set voices and recordings lower"
            )
        return enough

    def _crops(self, voices: dict[str, list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
        """float32 (V * R, T, M), scaled, the recordings of a voice one after the other."""
        config, rate = self.config, self.spec.frame_rate
        frames = 2 * round(rng.uniform(config.shortest, max(config.shortest, config.longest)) * rate / 2)
        made = []
        for name in rng.choice(list(voices), config.voices, replace=False):
            levels = voices[name]
            for first in rng.permutation(len(levels))[: config.recordings]:
                made.append(self._disturbed(_cut(levels, int(first), max(2, frames), rng), rng))
        return self._scaled(np.stack(made))

    def _disturbed(self, levels_TM: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """With another tilt, and a level of noise."""
        tilt = rng.uniform(-self.config.tilt_db, self.config.tilt_db)
        levels_TM = levels_TM + np.linspace(-tilt, tilt, levels_TM.shape[1], dtype=np.float32)
        floor = -rng.uniform(15, max(15, self.config.noise_db)) if self.config.noise_db > 15 else -self.config.range_db
        return np.clip(levels_TM, max(floor, -self.config.range_db), None)

    def _validate(self, items: list[TrainItem], centroids: dict[str, np.ndarray]) -> dict[str, float]:
        """How well recordings of the training voices are known: against the centroids of others."""
        known = [item for item in items if item.speaker in centroids]
        if not known:
            return {"loss": 0.0, "accuracy": 0.0}
        names, vectors = list(centroids), self._vectors([self._levels(item.log_mel) for item in known])
        scores = float(self.net.scale.detach()) * vectors @ np.stack(list(centroids.values())).T
        rows = [names.index(item.speaker) for item in known]
        top = scores.max(axis=1, keepdims=True)
        odds = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
        right = odds[np.arange(len(rows)), rows]
        return {"loss": float(-right.mean()), "accuracy": float((scores.argmax(axis=1) == rows).mean())}

    def _centroids(self, voices: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
        means = {name: self._vectors(levels[:_KNOWN]).mean(axis=0) for name, levels in voices.items()}
        return {name: mean / np.linalg.norm(mean) for name, mean in means.items()}

    def length(self, item) -> int:
        return len(item.log_mel) if isinstance(item, TrainItem) else len(item.wave)

    # ---- use ----

    def apply(self, items: list[Recorded]) -> list[Embedded | Failure]:
        """Raises ValueError where there are no weights."""
        if self.net is None:
            raise ValueError("this encoder has no weights yet: fit it, or load what a fit has saved")
        return [self._one(item.wave) for item in items]

    def _one(self, wave: np.ndarray) -> Embedded | Failure:
        seconds = len(wave) / self.spec.sample_rate
        if seconds < self.config.min_seconds:
            least = f"{self.config.min_seconds:g} s (min_seconds)"
            return Failure(f"the recording is {seconds:.2f} s long, want at least {least}: leave out shorter clips")
        if not wave.any():
            return Failure("the recording is digital silence, want speech")
        try:
            (vector,) = self._vectors([self._levels(log_mel(wave, self.spec))])
            return Embedded(embedding=vector)
        except BadItem as error:
            return Failure(str(error))

    def _vectors(self, levels: list[np.ndarray]) -> np.ndarray:
        """float32 (B, D), of unit length: for each recording the direction of its windows' mean."""
        import torch

        self.net.eval()
        windows = [self._windows(one.astype(np.float32)) for one in levels]
        of_size: dict[int, list[int]] = {}
        for index, one in enumerate(windows):
            of_size.setdefault(one.shape[1], []).append(index)
        made = {}
        with torch.inference_mode():
            for some in of_size.values():
                found = self.net(self._on_device(self._scaled(np.concatenate([windows[index] for index in some]))))
                for index, part in zip(some, found.split([len(windows[index]) for index in some]), strict=True):
                    made[index] = torch.nn.functional.normalize(part.mean(0), dim=0).cpu().numpy()
        return np.stack([made[index] for index in range(len(levels))])

    def _windows(self, levels_TM: np.ndarray) -> np.ndarray:
        """float32 (W, T, M), each half shared with the next; one of all there is where that is less. T is even."""
        size = max(2, 2 * round(_WINDOW_S * self.spec.frame_rate / 2))
        levels_TM = np.concatenate([levels_TM, levels_TM[-1:]]) if len(levels_TM) % 2 else levels_TM
        last = max(0, len(levels_TM) - size)
        starts = np.unique(np.rint(np.linspace(0, last, 1 + -(-last // (size // 2)))).astype(int) // 2 * 2)
        return np.stack([levels_TM[start : start + min(size, len(levels_TM))] for start in starts])

    def _levels(self, log_mel: np.ndarray) -> np.ndarray:
        """float32 (T, M): dB below the loud frames, none lower than `range_db`."""
        levels = decibels(log_mel[:, : self._mels], self.spec)
        loud = np.quantile(levels.max(axis=1), _LOUD)
        return np.maximum(levels - loud, np.float32(-self.config.range_db))

    def _scaled(self, levels: np.ndarray) -> np.ndarray:
        """Near -1..1."""
        return (levels * (2 / self.config.range_db) + 1).astype(np.float32)

    @property
    def _mels(self) -> int:
        if found := mels_below(self.spec, self.config.f_max):
            return found
        raise ValueError(f"no mel lies below f_max {self.config.f_max:g} Hz, want a higher one")

    def _network(self):
        from blocks.reference.dvector.net import Network

        return Network(self._mels, self.config)

    def _on_device(self, values: np.ndarray):
        import torch

        return torch.from_numpy(values).to(self.net.scale.device)

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        weights.write(folder, {name: value.cpu().numpy() for name, value in self.net.state_dict().items()})

    def load(self, folder: Path) -> None:
        import torch

        self.net = self._network()
        found, _ = weights.read(folder)
        wanted = {name: tuple(value.shape) for name, value in self.net.state_dict().items()}
        weights.check({name: value.shape for name, value in found.items()}, wanted, f"{folder}")
        self.net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in found.items()})
        self.net.to(self.device).eval()


def _cut(levels: list[np.ndarray], first: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (frames, M) from anywhere in a recording; one that is too short goes on with others of the voice."""
    parts, have, index = [], 0, first
    while have < frames:
        one = levels[index]
        start = int(rng.integers(max(0, len(one) - frames) + 1))
        part = one[start : start + frames - have]
        parts, have, index = [*parts, part], have + len(part), int(rng.integers(len(levels)))
    return np.concatenate(parts, dtype=np.float32)
