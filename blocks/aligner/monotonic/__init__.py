"""Aligner learned from recordings and their phones alone: no times, no dictionary, any language.

Every phone is a row of Gaussians over cepstra and their slopes, one after the other, some of which may be left out at a
price. Training raises the likelihood of the recordings, summed over all monotonic alignments; a prior for the diagonal
helps in the first steps and fades out. The durations are those of the best path, of at least one frame each. On 80 minutes
of one voice this was nearer to the labels than a frame classifier divided by its prior (which did not converge), and than
means that depend on the neighbours. One table for several voices is about as good as one for each (graphs/README.md). The
score is the mean over frames of log p(frame | its phone) - log p(frame | the phone that fits it best): 0 at best.
A phone that it never met is placed as a near one (`blocks.common.phones.nearest`): small corpora hold out what they have once.
Axes: T frames, N phones, S states.
"""

from pathlib import Path

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from blocks.aligner.monotonic.search import best_path
from blocks.aligner.schema import Aligned, TrainItem, Utterance
from blocks.base import BadItem, Failure, Trainable
from blocks.common import symbols, weights
from blocks.common.moments import Moments
from blocks.common.phones import SILENCES, nearest
from blocks.common.schedule import warmup_linear
from blocks.common.symbols import Symbols
from blocks.training import FitConfig, Run


class Config(FitConfig):
    coefficients: PositiveInt = 13  # cepstra of a frame; their slopes come on top
    states: PositiveInt = 3  # Gaussians of a phone, in order
    skip: NonNegativeFloat = 10.0  # nats that leaving one out costs
    lr: PositiveFloat = 0.02
    warmup_steps: PositiveInt = 20
    prior_width: PositiveFloat = 0.03  # of the diagonal prior, as a share of the recording
    prior_until: float = Field(0.3, ge=0, le=1)  # when the prior has faded out, as a share of max_steps
    max_steps: PositiveInt = 200
    max_frames: PositiveInt = 10000
    val_check_interval: PositiveInt = 50
    checkpoint_interval: PositiveInt = 100
    # What is not believed. The score is where benchmarks/aligner_gate.py tells right from wrong texts of train rows best.
    min_score: float = -4.6  # nats a frame
    max_silence: float = Field(0.8, gt=0, le=1)  # share of the recording in silent phones
    max_phone_seconds: PositiveFloat = 0.8  # of a phone that is no silence; raise it for slow or sung speech
    max_squeezed: float = Field(
        0.2, ge=0, le=1
    )  # share of the phones, silences aside, that got a single frame; one always may
    advice: str = ""  # what else may be done with a recording that is not believed, said with each refusal


class Monotonic(Trainable[Config]):
    tiny = Config(coefficients=4, states=2, max_steps=4, val_check_interval=2, checkpoint_interval=2, min_score=-1e9)
    paper = (
        "Shih et al. 2021, RAD-TTS (the sum over alignments); Kim et al. 2020, Glow-TTS (the search); "
        "Witt and Young 2000 (the score)"
    )
    needs = ("torch",)
    extra = "train"

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        torch.manual_seed(run.key(0, "weights"))
        if run.init:
            self.load(run.init)
        else:
            self.phones, self.net, self.centred = Symbols(), None, True
        self._meet(run.survey())
        model = run.parallel(self.net)
        optimizer = torch.optim.Adam(self.net.parameters())
        run.state(model=self.net, optimizer=optimizer)
        for batch in run.batches(validate=self.validate):
            for group in optimizer.param_groups:
                group["lr"] = self._rate(batch.step)
            optimizer.zero_grad()
            numbers = run.backward(
                batch, lambda part: self._loss(model, part.items, part.frames, self._prior(part.step))
            )
            if run.accepts(batch, numbers["loss"]):
                optimizer.step()
            run.report(batch.step, **numbers, lr=self._rate(batch.step))
            if batch.step % self.config.val_check_interval == 0:
                self._picture(run, batch)

    def validate(self, items: list[TrainItem]) -> dict[str, float]:
        import torch

        with torch.inference_mode():
            numbers = self._loss(self.net, items, max(len(item.log_mel) for item in items), prior=0.0)
        return {name: float(value) for name, value in numbers.items()}

    def length(self, item: TrainItem) -> int:
        return len(item.log_mel)

    def _meet(self, items) -> None:
        """A network with a row for every phone of the items, the new ones after those that are known."""
        import torch

        known, moments = self.net, Moments()
        for item in items:
            self.phones.extend(item.phones)
            if not known:
                moments.add(self._features(item))
        self.net = self._network()
        with torch.no_grad():
            if known:
                self.net.table[: len(known.table)] = known.table
            self.net.mean.copy_(known.mean if known else torch.from_numpy(moments.mean))
            self.net.std.copy_(known.std if known else torch.from_numpy(moments.std))

    def _loss(self, model, items: list, length: int, prior: float):
        """Minus the log-likelihood of a frame, where all phones find a place; the share of items where they do not."""
        import torch

        from blocks.aligner.monotonic.net import diagonal, path_sum

        device = self.net.table.device
        frames, tokens = [len(item.log_mel) for item in items], [len(item.phones) for item in items]
        inputs = np.zeros((len(items), length, 2 * self.config.coefficients), np.float32)
        places = np.zeros((len(items), max(tokens)), np.int64)
        for row, item in enumerate(items):
            inputs[row, : frames[row]] = self._features(item)
            places[row, : tokens[row]] = self._rows(item)
        frames_B, tokens_B = (torch.tensor(sizes, device=device) for sizes in (frames, tokens))
        scores = model(torch.from_numpy(inputs).to(device), torch.from_numpy(places).to(device))
        if prior:
            scores = scores + prior * diagonal(frames_B, tokens_B, *scores.shape[1:3], self.config.prior_width)
        fits = (tokens_B <= frames_B) & (tokens_B > 0)
        if not fits.any():
            return {"loss": 0.0 * scores.sum(), "more_phones_than_frames": 1.0}
        loss = -path_sum(scores[fits], frames_B[fits], tokens_B[fits], self.config.skip).sum() / frames_B[fits].sum()
        return {"loss": loss, "more_phones_than_frames": float(1 - fits.float().mean())}

    def _features(self, item: Utterance) -> np.ndarray:
        from blocks.aligner.monotonic.net import features

        return features(item.log_mel, self.config.coefficients, self.centred)

    def _rate(self, step: int) -> float:
        return self.config.lr * warmup_linear(step, self.config.warmup_steps, self.config.max_steps)

    def _prior(self, step: int) -> float:
        return max(0.0, 1 - step / max(1e-9, self.config.prior_until * self.config.max_steps))

    def _picture(self, run: Run, batch) -> None:
        item = batch.items[0]
        if len(item.phones) <= len(item.log_mel):
            durations, _ = best_path(self._scores(item)[0], self.config.skip)
            owner = np.repeat(np.arange(len(item.phones)), durations)
            run.image(batch.step, f"align/{batch.ids[0]}", np.eye(len(item.phones), dtype=np.float32)[owner])

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        tensors = {name: value.cpu().numpy() for name, value in self.net.state_dict().items()}
        about = symbols.write(folder, phones=self.phones) | {"centred": str(self.centred)}
        weights.write(folder, tensors, about)

    def load(self, folder: Path) -> None:
        import torch

        found, about = weights.read(folder)
        (self.phones,) = symbols.read(folder, "phones", about=about)
        self.centred = about.get("centred") == "True"  # the first weights were not, and say nothing
        self.net = self._network()
        wanted = {name: tuple(value.shape) for name, value in self.net.state_dict().items()}
        shapes = {name: value.shape for name, value in found.items()}
        weights.check(shapes, wanted, f"{folder}, a table of {len(self.phones)} phones")
        self.net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in found.items()})
        self.net.to(self.device)

    def _network(self):
        from blocks.aligner.monotonic.net import Emissions

        return Emissions(len(self.phones) + 1, self.config.states, 2 * self.config.coefficients)

    # ---- alignment ----

    def apply(self, items: list[Utterance]) -> list[Aligned | Failure]:
        return [self._one(item) for item in items]

    def _one(self, item: Utterance) -> Aligned | Failure:
        try:
            self._can_be_aligned(item)
            scores, best = self._scores(item)
            durations, total = best_path(scores, self.config.skip)
            score = (total - float(best.sum())) / len(best)
            self._is_believed(item, durations, score)
        except BadItem as reason:
            return Failure(f"{reason} ({self.config.advice})" if self.config.advice else str(reason))
        return Aligned(durations=durations, score=score)

    def _scores(self, item: Utterance) -> tuple[np.ndarray, np.ndarray]:
        """float64 (T, N, S) for the item's phones, and (T,) for whatever state fits a frame best."""
        import torch

        device = self.net.table.device
        with torch.inference_mode():
            frames = torch.from_numpy(self._features(item)[None]).to(device)
            every = (
                self.net(frames, torch.arange(1, len(self.phones) + 1, device=device)[None])[0].double().cpu().numpy()
            )
        return every[:, self._rows(item) - 1], every.max(axis=(1, 2))

    def _rows(self, item: Utterance) -> np.ndarray:
        return np.array([self.phones.row(nearest(phone, self.phones)) for phone in item.phones])

    def _can_be_aligned(self, item: Utterance) -> None:
        if not item.phones:
            raise BadItem("no phones to align: want at least one; leave out what is not transcribed")
        known = self.phones
        if strange := list(dict.fromkeys(phone for phone in item.phones if nearest(phone, known) not in known)):
            raise BadItem(
                f"phones that the aligner was not trained on: {', '.join(map(repr, strange))}; it knows "
                f"{' '.join(known)}. Train it on data that has them, or give it what it knows"
            )
        if len(item.phones) > len(item.log_mel):
            raise BadItem(
                f"{len(item.log_mel)} frames for {len(item.phones)} phones: want a frame for each; is this the right text?"
            )

    def _is_believed(self, item: Utterance, durations: np.ndarray, score: float) -> None:
        if score < self.config.min_score:
            raise BadItem(
                f"the recording does not fit its phones: score {score:.2f}, want {self.config.min_score:g} (min_score); "
                "is this the right text?"
            )
        silent = np.array([phone in SILENCES for phone in item.phones])
        if (share := durations[silent].sum() / durations.sum()) > self.config.max_silence:
            raise BadItem(
                f"{100 * share:.0f} % of the recording were aligned to silence, want at most "
                f"{100 * self.config.max_silence:.0f} % (max_silence)"
            )
        squeezed = int(np.sum(durations[~silent] == 1))
        if squeezed > 1 and (share := squeezed / np.sum(~silent)) > self.config.max_squeezed:
            raise BadItem(
                f"{100 * share:.0f} % of the phones found no more than one frame, want at most "
                f"{100 * self.config.max_squeezed:.0f} % (max_squeezed); is more in the text than is said?"
            )
        longest = np.where(silent, 0, durations).argmax()
        seconds = durations[longest] / self.spec.frame_rate
        if not silent[longest] and seconds > self.config.max_phone_seconds:
            raise BadItem(
                f"the phone {item.phones[longest]!r} (number {longest + 1}) would last {seconds:.2f} s, want at most "
                f"{self.config.max_phone_seconds:g} s (max_phone_seconds); is something said that is not in the text?"
            )
