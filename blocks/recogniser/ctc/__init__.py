"""Phones of a recording by connectionist temporal classification (torch): no text, no dictionary, no times in training.

Layers of ConvNeXt's read log-mels, a few frames a step, and say for each step which phone it is, or none (the blank). Training
sums over all ways in which the phones of a recording may be spread over its steps (Graves et al. 2006). In use the likeliest
class of each step counts: equal neighbours are one label, and a blank of more than `pause_s` is a pause (Klimkov et al. 2019).
A label lies in the middle of its phone as a rule; where two meet is taken to be half-way between them.
Phones are IPA without stress. For who speaks to count little, a log-mel is normalised by its own mean, not below `range_db`
under its loudest; in training its pitch of formants is moved (Jaitly and Hinton 2013), its pace changed, its band cut, its
quiet parts drowned, and stretches of time and of frequency are hidden (Park et al. 2019).
Axes: B batch, T frames, S steps of `stride` frames, M mels, C classes, N phones.
"""

import zlib
from pathlib import Path

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from blocks.base import BadItem, Failure, Trainable
from blocks.common import symbols, weights
from blocks.common.checks import check_mel
from blocks.common.mel import mels_below
from blocks.common.mel_model import Kernel
from blocks.common.phones import SILENCES, stressless
from blocks.common.schedule import warmup_cosine
from blocks.common.symbols import Symbols
from blocks.recogniser.ctc import augment
from blocks.recogniser.ctc.labels import Labels, labels
from blocks.recogniser.schema import Recognised, Recorded, TrainItem
from blocks.training import FitConfig, Precision, Run


class Config(FitConfig):
    hidden: PositiveInt = 192
    wide: PositiveInt = 576
    layers: PositiveInt = 8
    kernel: Kernel = 15  # steps a layer sees
    heads: PositiveInt | None = None  # of an attention before each layer; none: convolutions alone
    stride: PositiveInt = 2  # frames a step
    dropout: float = Field(0.1, ge=0.0, lt=1.0)
    range_db: PositiveFloat = 60.0
    pause_s: PositiveFloat = 0.2  # a blank that lasts longer is a pause
    edge_s: NonNegativeFloat = 0.05  # of such a blank that still belongs to the phone on either side
    vtlp: float = Field(0.12, ge=0.0, lt=0.5)  # how far formants are moved, up and down, at most
    speed_perturb: float = Field(0.15, ge=0.0, lt=0.5)  # how much slower and faster, at most
    band_limit_share: float = Field(0.3, ge=0.0, le=1.0)  # share of recordings whose band is cut, between 3 and 8 kHz
    noise_share: float = Field(0.5, ge=0.0, le=1.0)  # share whose quiet parts are, from 20 dB below the loudest on
    lr: PositiveFloat = 2e-3
    final_lr: float = Field(0.02, ge=0.0, le=1.0)  # what is left of it at the last step, along a cosine
    warmup_steps: PositiveInt = 150
    weight_decay: NonNegativeFloat = 0.01
    clip: PositiveFloat = 1.0
    precision: Precision = "float32"  # of the layers in training
    max_steps: PositiveInt = 3000
    max_frames: PositiveInt = 8000


class Ctc(Trainable[Config]):
    tiny = Config(
        hidden=8, wide=16, layers=1, kernel=3, max_steps=4, warmup_steps=2, val_check_interval=2, checkpoint_interval=2
    )
    paper = "Graves et al. 2006 (CTC); Klimkov et al. 2019 (phones of a recogniser in the place of text); Liu et al. 2022 (the layers)"
    needs = ("torch", "rapidfuzz")
    extra = "train"
    limits = "It was taught by few voices, each in a language or two: voices and languages unlike those are recognised worse. It says no stress."

    net = None  # once there are weights

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        torch.manual_seed(run.key(0, "weights"))
        self.phones = Symbols()
        if run.init:
            self.load(run.init)
        known = len(self.phones)
        for number, item in enumerate(run.survey()):
            try:
                check_mel(item.log_mel, self.spec)
            except BadItem as error:
                raise ValueError(f"item {number} to train on: {error}") from None
            self.phones.extend(_plain_phones(item.phones))
        if not len(self.phones):
            raise ValueError("no item to train on has a phone, want what is said in the recordings")
        if not run.init or known < len(self.phones):
            self._grow(known)
        model = run.parallel(self.net)
        optimizer = torch.optim.AdamW(self.net.parameters(), betas=(0.9, 0.98), weight_decay=self.config.weight_decay)
        run.state(model=self.net, optimizer=optimizer)
        for batch in run.batches(validate=self.validate):
            for group in optimizer.param_groups:
                group["lr"] = self._rate(batch.step)
            self.net.train()
            optimizer.zero_grad()
            key = run.key(batch.step, "disturbed")
            numbers = run.backward(
                batch, lambda part, key=key: self._loss(model, part.items, self._disturbed(part, key))
            )
            if run.accepts(batch, numbers["loss"]):
                norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
                optimizer.step()
                run.report(batch.step, **numbers, lr=self._rate(batch.step), grad_norm=norm)
        self.net.eval()

    def validate(self, items: list[TrainItem]) -> dict[str, float]:
        """The loss, and the phone error rate, of recordings as they are."""
        import torch
        from rapidfuzz.distance import Levenshtein

        self.net.eval()
        with torch.inference_mode():
            loss = self._loss(self.net, items, [self._normalised(item) for item in items])["loss"]
            names = [None, *self.phones]
            predicted = [[names[one] for one in self._labels(item).classes] for item in items]
        targets = [_plain_phones(item.phones) for item in items]
        wrong = sum(Levenshtein.distance(ours, theirs) for ours, theirs in zip(predicted, targets, strict=True))
        return {"loss": float(loss), "phone_errors": 100 * wrong / max(1, sum(map(len, targets)))}

    def length(self, item) -> int:
        return len(item.log_mel)

    def group(self, item: TrainItem) -> str:
        return item.speaker or ""

    def _loss(self, model, items: list[TrainItem], mels: list[np.ndarray]) -> dict:
        """Minus the log-likelihood of a step, of all recordings that are long enough for their phones."""
        import torch
        from torch.nn import functional

        targets = [[self.phones.row(phone) for phone in _plain_phones(item.phones)] for item in items]
        logits, steps = self._logits(model, mels)
        sizes = torch.tensor([len(each) for each in targets])
        wanted = torch.tensor([row for each in targets for row in each], dtype=torch.long)
        logs_SBC = logits.float().log_softmax(2).transpose(0, 1)
        losses = functional.ctc_loss(logs_SBC, wanted, steps, sizes, reduction="none", zero_infinity=True)
        return {"loss": losses.sum() / steps.sum()}

    def _logits(self, model, mels: list[np.ndarray]):
        """(B, S, C), and how many steps each has."""
        import torch

        stride = self.config.stride
        steps = [-(-len(mel) // stride) for mel in mels]
        frames = np.zeros((len(mels), max(steps) * stride, self.spec.n_mels), np.float32)
        for row, mel in zip(frames, mels, strict=True):
            row[: len(mel)] = mel
        steps_B = torch.tensor(steps)
        device = next(self.net.parameters()).device
        return model(torch.from_numpy(frames).to(device), steps_B.to(device)), steps_B

    def _disturbed(self, part, key: int) -> list[np.ndarray]:
        made = []
        for id, item in zip(part.ids, part.items, strict=True):
            rng = np.random.default_rng([key, zlib.crc32(id.encode())])
            made.append(augment.disturbed(item.log_mel, self._mels_below, self.config, rng))
        return made

    def _mels_below(self, hz: float) -> int:
        return mels_below(self.spec, hz)

    def _normalised(self, item: Recorded) -> np.ndarray:
        return augment.mean_normalised(item.log_mel, self.config.range_db)

    def _rate(self, step: int) -> float:
        config = self.config
        return config.lr * warmup_cosine(step, config.warmup_steps, config.max_steps, config.final_lr)

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        tensors = {name: value.cpu().numpy() for name, value in self.net.state_dict().items()}
        weights.write(folder, tensors, symbols.write(folder, phones=self.phones))

    def load(self, folder: Path) -> None:
        found, about = weights.read(folder)
        (self.phones,) = symbols.read(folder, "phones", about=about)
        self.net = self._network()
        wanted = {name: tuple(value.shape) for name, value in self.net.state_dict().items()}
        where = f"{folder}, with {len(self.phones)} phones"
        weights.check({name: value.shape for name, value in found.items()}, wanted, where)
        self._take(found)

    def _take(self, found: dict[str, np.ndarray]) -> None:
        import torch

        self.net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in found.items()})
        self.net.to(self.device).eval()

    def _grow(self, known: int) -> None:
        """A network for all phones; what is known of the first ones stays."""
        import torch

        old, self.net = self.net, self._network()
        if old is not None:
            taken = {name: value for name, value in old.state_dict().items() if not name.startswith("out.")}
            self.net.load_state_dict(taken, strict=False)
            with torch.no_grad():
                self.net.out.weight[: known + 1] = old.out.weight
                self.net.out.bias[: known + 1] = old.out.bias

    def _network(self):
        from blocks.recogniser.ctc.net import Network

        return Network(self.spec.n_mels, len(self.phones) + 1, self.config)

    # ---- use ----

    def apply(self, items: list[Recorded]) -> list[Recognised | Failure]:
        """Raises ValueError where there are no weights."""
        if self.net is None:
            raise ValueError("this recogniser has no weights yet: fit it, or load what a fit has saved")
        made = []
        for item in items:
            try:
                check_mel(item.log_mel, self.spec)
                made.append(self._one(item))
            except BadItem as reason:
                made.append(Failure(str(reason)))
        return made

    def _labels(self, item: Recorded) -> Labels:
        import torch

        with torch.inference_mode():
            logits, _ = self._logits(self.net, [self._normalised(item)])
            odds_SC = logits[0].float().softmax(1).cpu().numpy()
        config, rate = self.config, self.spec.frame_rate
        return labels(odds_SC, config.stride, len(item.log_mel), config.pause_s * rate, config.edge_s * rate)

    def _one(self, item: Recorded) -> Recognised:
        found, names = self._labels(item), ["sil", *self.phones]
        return Recognised(
            phones=tuple(names[one] for one in found.with_pauses),
            unnamed=tuple("phone" if one else "sil" for one in found.with_pauses),
            spans=found.spans,
            durations=found.durations,
            posteriorgram=found.posteriorgram,
            phone_posteriors=found.phone_posteriors,
        )


def _plain_phones(phones: tuple[str, ...]) -> list[str]:
    """Without silences and stress."""
    return [stressless(phone) for phone in phones if phone not in SILENCES]
