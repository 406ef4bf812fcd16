"""Acoustic model with attention, teacher-forced by durations in training, whose mels the decoder of `acoustic.parallel` writes.

A recurrent decoder chooses by attention which phones to say next, frame by frame, and goes on from its own frames. The log-mel
is written afterwards, of how long it listened to each phone, by layers that see none of these frames: small recurrent decoders
go astray on their own frames long before they lose their place in the text.
With `pitch` and `energy` these layers are conditioned on pitch and level of phones, those of the recordings in training and those
of predictors from then on: what they cannot know they would blur.

Durations come from attention, not from an aligner, and cannot be asked for. Every utterance comes with measures of its
attention's health; one that finds no end is a failure that says so, or is kept as far as it came (`runaways`). The prenet drops half of its units also when it speaks, drawn from
the seed and from what is said: the same request is said the same way, alone or among others. Where `durations` are given,
training guides the attention along them, else along the diagonal; in the first `teacher_forced_steps` they stand in its place, and it
learns where they went on from there. Such steps need no loop over attention, and the decoder attends to the right phones at once.
Where it speaks, it listens to one phone at a time, as in teacher-forced steps, and goes on when it more likely than not would have gone on
by now (stepwise monotonic attention), or after `linger_s`, and ends on the last phone: none is passed over or said again, and
what can go wrong is how long each takes.
Not `stepwise`, it listens to several at once, and may lose its place: as attention is known.
Discriminators of mels may join from the step `adversarial_from` on, for what is written to have the detail of recordings.

Axes: B items, N phones, T frames, M mels, S steps of `reduction_factor` frames.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from blocks.acoustic._model import AcousticConfig, AcousticModel
from blocks.acoustic._references import Reference
from blocks.acoustic.attention.health import health, summary
from blocks.acoustic.schema import Prediction, Request, TrainItem
from blocks.arrays import Value
from blocks.base import BadItem, BlockConfig, Failure
from blocks.common.conditions import Global, Stream
from blocks.common.mel_model import Kernel, show
from blocks.common.schedule import warmup_cosine
from blocks.training import Run


class Location(BlockConfig):
    """Chorowski et al. 2015, with the sizes of Tacotron 2."""

    kind: Literal["location"] = "location"
    width: PositiveInt = 128
    filters: PositiveInt = 32
    kernel: Kernel = 31


class Dynamic(BlockConfig):
    """Battenberg et al. 2020."""

    kind: Literal["dynamic"] = "dynamic"
    width: PositiveInt = 128
    static: PositiveInt = 8
    dynamic: PositiveInt = 8
    kernel: Kernel = 21
    taps: PositiveInt = 11  # of the prior: a step advances by at most one phone less
    alpha: PositiveFloat = 0.1
    beta: PositiveFloat = 0.9

    @model_validator(mode="after")
    def _prior_fits(self):
        if self.taps > (most := self.kernel // 2 + 1):
            raise ValueError(
                f"taps {self.taps}: a kernel of {self.kernel} sees as many as {most} back, want at most these"
            )
        return self


class Config(AcousticConfig):
    reduction_factor: PositiveInt = 2
    prenet: PositiveInt = 96
    prenet_dropout: float = Field(0.5, ge=0, lt=1)
    attention: Location | Dynamic = Field(Dynamic(), discriminator="kind")
    recurrent: PositiveInt = 256  # width of the layers that go step by step
    recurrent_dropout: float = Field(0.1, ge=0, lt=1)
    pitch: bool = False  # said of each phone where the mel is written; training then wants it wired, and durations
    energy: bool = False
    # training
    final_lr: float = Field(0.05, ge=0, le=1)  # what is left of it at the last step
    warmup_steps: PositiveInt = 100
    guided: NonNegativeFloat = 1.0  # weight of the loss that leads the attention; 0 for none
    guided_width: PositiveFloat = 0.2  # of the diagonal, as a share of the phones
    frame_dropout: float = Field(0.0, ge=0, lt=1)  # share of frames that are not fed back: phones must tell
    teacher_forced_steps: NonNegativeInt = (
        0  # of the training, where all durations are given: these stand for the attention
    )
    stop_weight: PositiveFloat = 5.0  # of the one last step beside the many others
    max_steps: PositiveInt = 20_000
    # speaking
    stepwise: bool = (
        True  # one phone at a time; else as softly as the weights are, which teacher-forced steps never taught
    )
    runaways: Literal["fail", "keep"] = "fail"  # keep: what was said up to there, for judges to count in
    # Both are for speech: notes are held longer, and a map may raise them for what its model has learnt to sing.
    longest_phone_s: PositiveFloat = 0.4  # times the phones, and a second: longer than that is a runaway
    linger_s: PositiveFloat = (
        0.6  # on a phone, stepwise, until it is moved on; on the last one, until it is ended for it
    )


class AttendedPrediction(Prediction):
    """With the health of the attention: see `blocks.acoustic.attention.health`. `durations` are its path, in whole steps."""

    focus: Annotated[float, Value("attention_focus", "mean over steps of the largest attention weight")]
    blurred: Annotated[float, Value("attention_blurred", "share of steps without a weight of 0.3")]
    coverage: Annotated[float, Value("attention_coverage", "share of the phones that were listened to")]
    skips: Annotated[float, Value("attention_skips", "phones passed over", "phones")]
    repeats: Annotated[float, Value("attention_repeats", "times the attention went back")]
    early_stop: Annotated[float, Value("attention_early_stop", "phones left unsaid at the end", "phones")]
    late_stop: Annotated[float, Value("attention_late_stop", "from the first step on the last phone to the end", "s")]
    runaway: Annotated[float, Value("attention_runaway", "1 where it found no end and was stopped, else 0")]
    lingers: Annotated[
        float, Value("attention_lingers", "phones but the last listened to for linger_s or longer", "phones")
    ]


class Attention(AcousticModel[Config]):
    tiny = Config(
        hidden=8, wide=16, encoder_layers=1, decoder_layers=1, prenet=6, recurrent=10,
        attention=Dynamic(width=6, static=2, dynamic=2), pitch=True, energy=True,
        streams={"a": Stream(), "b": Stream(classes=3)}, globals={"a": Global(), "b": Global()},
        references={"a": Reference(width=4), "b": Reference(kind="utterance_conv", size=16, width=4, latent=10, kl_until=2, kl_every=2)}, max_steps=4, val_check_interval=2, checkpoint_interval=2, warmup_steps=2,
        adversarial_from=3, weights="last", discriminator_windows=(8, 16), discriminator_width=2,
    )  # fmt: skip
    paper = (
        "Shen et al. 2018, Tacotron 2 (1712.05884); Battenberg et al. 2020, dynamic convolution attention (1910.10288); "
        "He et al. 2019, stepwise monotonic attention (1906.00672); Tachibana et al. 2018, guided attention (1710.08969)"
    )
    limits = "It predicts how long each phone is, and takes no durations; on texts unlike those it learned it may hurry or linger."
    stochastic: ClassVar[bool] = True
    wants_durations = False

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        self._begin(run)
        optimizer = torch.optim.Adam(self.net.parameters(), betas=(0.9, 0.99))
        for batch in self._trained(run, optimizer, self._rate, self._loss, self._speak_for):
            if batch.step == 1 or batch.step % self.config.val_check_interval == 0:
                self._picture(run, batch)

    def validate(self, items: list[TrainItem]) -> dict[str, float]:
        """The losses with the frames given and one fixed dropout of the prenet."""
        with self._judging():
            numbers = self._loss(self.net, items, max(len(item.log_mel) for item in items))
        return {name: float(value) for name, value in numbers.items()}

    def _loss(self, model, items: list[TrainItem], length: int, adversary=None, step: int | None = None) -> dict:
        """What a training minimises, its parts as means over the real frames, and the health of the attention.

        `step` is that of a training, of which the first may be teacher-forced and the last judged by discriminators; none: as it ends.
        """
        from blocks.acoustic.attention import losses

        items, length = self._at_step(items, length, step)
        made, batch = self._teacher_forced(model, items, length, step)
        numbers = losses.losses(made, batch, items, self.config)
        parts = self.net.prosody_losses(made.prosody, batch.given, batch.real.sum())
        if adversary:
            parts |= adversary.losses(batch.target, made.fine * batch.real[:, :, None], batch.real.sum(1), step)
        weight = self.config.weights_at(step)
        numbers["loss"] = sum((weight[name] * value for name, value in parts.items()), numbers["loss"])
        numbers |= {f"loss_{name}": value for name, value in parts.items()}
        return numbers | losses.healths(made.weights.detach(), items, self.config.reduction_factor, self._step_s)

    @property
    def _linger(self) -> int:
        return int(np.ceil(self.config.linger_s / self._step_s))

    def _teacher_forced(self, model, items: list[TrainItem], length: int, step: int | None) -> tuple:
        """What `model` makes of the items, given their frames, and the `losses.Given` that these are."""
        from blocks.acoustic.attention import losses

        given = self._tensors(items, [self._targets(item) for item in items])
        batch = losses.Given.of(items, given, length, self.config.reduction_factor, self.net.scaled)
        forced = (step or self.config.max_steps) <= self.config.teacher_forced_steps and "durations" in given
        return model(given, batch.target, batch.real.sum(1), batch.shares if forced else None), batch

    @property
    def _step_s(self) -> float:
        return self.config.reduction_factor / self.spec.frame_rate

    def _rate(self, step: int) -> float:
        return warmup_cosine(step, self.config.warmup_steps, self.config.max_steps, self.config.final_lr)

    def _picture(self, run: Run, batch) -> None:
        """Attention and log-mel of one item, with its frames given."""
        item, name = batch.items[0], batch.ids[0]
        with self._judging():
            made, _ = self._teacher_forced(self.net, [item], len(item.log_mel), None)
            fine = self.net.unscaled(made.fine)
        run.image(batch.step, f"attention/{name}", made.weights[0].cpu().numpy())
        run.image(batch.step, f"samples/{name}/teacher_forced", fine[0, : len(item.log_mel)].cpu().numpy())

    def _speak_for(self, run: Run, step: int, item: TrainItem) -> None:
        """What it makes of a dev item's phones on its own, an end found or not."""
        request = Request(phones=item.phones, streams=item.streams, globals=item.globals, references=item.references)
        if self._refused(request):  # a phone or a voice of dev rows that no train row has
            return
        log_mel, alignment, *_ = next(self._decode([request]))
        run.image(step, "attention/dev/pred", alignment)
        show(run, step, log_mel, self.spec)

    @contextmanager
    def _judging(self):
        """No gradient and no dropout but the prenet's, which is then always the same."""
        import torch

        self.net.eval()
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield

    def _network(self):
        from blocks.acoustic.attention.net import Net

        return Net(self.inputs, self.config, self.spec.n_mels)

    # ---- speaking ----

    def apply(self, items: list[Request]) -> list[AttendedPrediction | Failure]:
        """Raises ValueError where there are no weights yet."""
        if self.net is None:
            raise ValueError("this model has no weights yet: fit it, or load what a fit has saved")
        made = [self._refused(item) for item in items]
        able = [n for n, failure in enumerate(made) if failure is None]
        if able:
            for n, decoded in zip(able, self._decode([items[n] for n in able])):
                made[n] = self._prediction(items[n], *decoded)
        return made

    def _refused(self, item: Request) -> Failure | None:
        try:
            self.inputs.check_request(item)
        except BadItem as reason:
            return Failure(str(reason))
        if item.speaking_rate not in (None, 1.0):
            return Failure(
                f"speaking_rate {item.speaking_rate:g}: attention says it as fast as it learned to, want 1 or none; "
                "acoustic.parallel takes other rates"
            )
        return None

    def _decode(self, items: list[Request]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, bool]]:
        """For each the log-mel (T, M), the attention (S, N), the phone of each step (S,), and whether it found an end."""
        import torch

        from blocks.acoustic.attention.draws import Dropout, drawing

        limits = [int(np.ceil((1 + self.config.longest_phone_s * len(item.phones)) / self._step_s)) for item in items]
        dropout = Dropout([drawing(item, self.seed) for item in items], self.config.prenet, self.config.prenet_dropout)
        self.net.eval()
        with torch.inference_mode():
            given = self._tensors(items)
            limit = torch.tensor(limits, device=given["tokens"].device)
            decoded = self.net.speak(given, dropout.step, limit, self._linger)
        made = (
            each.cpu().numpy()
            for each in (decoded.log_mel, decoded.weights, decoded.phones, decoded.steps, decoded.ended)
        )
        for item, log_mel, alignment, where, steps, ended in zip(items, *made):
            frames = steps * self.config.reduction_factor
            yield log_mel[:frames].copy(), alignment[:steps, : len(item.phones)], where[:steps], bool(ended)

    def _prediction(
        self, item: Request, log_mel: np.ndarray, alignment: np.ndarray, where: np.ndarray, ended: bool
    ) -> AttendedPrediction | Failure:
        numbers = health(alignment, self._step_s, where if self.config.stepwise else None)
        steps = np.bincount(where, minlength=len(item.phones))
        numbers["lingers"] = float((steps[:-1] >= self._linger).sum())
        if not ended and self.config.runaways == "fail":
            return Failure(
                f"a runaway: no end after {len(alignment) * self._step_s:.1f} s for {len(item.phones)} phones, the most that "
                f"longest_phone_s {self.config.longest_phone_s:g} allows; the attention's {summary(numbers)}"
            )
        return AttendedPrediction(
            log_mel=log_mel,
            durations=(self.config.reduction_factor * steps).astype(np.int32),
            substituted=self.inputs.substituted(item),
            runaway=float(not ended),
            **numbers,
        )
