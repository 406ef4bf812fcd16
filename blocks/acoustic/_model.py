"""What acoustic models share: the settings of what they are given, how they begin, and the artifact (torch)."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from blocks.acoustic._inputs import Inputs, grown
from blocks.acoustic._references import Reference, References
from blocks.acoustic._splices import Splice, Splices
from blocks.acoustic._targets import Measures, check_controls, of_phones
from blocks.acoustic.schema import Referenced, Styled, TrainItem
from blocks.base import BadItem, C, Failure
from blocks.common import weights
from blocks.common.checks import check_mel
from blocks.common.conditions import Global, Name, Stream, undeclared
from blocks.common.items import padded
from blocks.common.mel_model import Kernel, MelConfig, MelModel
from blocks.load import suggest
from blocks.training import Run, bucket


class AcousticConfig(MelConfig):
    streams: dict[Name, Stream] = Field(default_factory=dict)  # numbers for each phone, by name
    globals: dict[Name, Global] = Field(default_factory=dict)  # names or vectors for the whole, such as speaker: {}
    references: dict[Name, Reference] = Field(default_factory=dict)  # prosody of a recording, by name
    # Sentences made of two recordings each, drawn anew at every step (`blocks.acoustic._splices`); none: recordings alone
    splice: Splice | None = Field(None, exclude_if=lambda splice: splice is None)
    # The parts of the network that learn, where the rest of a voice that `init` brings shall stay as it is; none: all of it.
    # Encoders of references and what predicts prosody are references, pitch, energy and duration.
    learns: tuple[str, ...] = ()
    hidden: PositiveInt = 192  # width of the layers that encode phones and write mels
    wide: PositiveInt = 576  # between the two layers of a convolution's net
    encoder_layers: PositiveInt = 4
    decoder_layers: PositiveInt = 6
    kernel: Kernel = 7  # phones, or frames, a convolution sees
    heads: PositiveInt = 2  # where a layer attends to all phones, or frames
    dropout: float = Field(0.1, ge=0.0, lt=1.0)
    regulation: Literal["gaussian", "hard"] = "gaussian"  # how phones are spread over their frames
    sinusoids: NonNegativeInt = (
        0  # of the time since a phone began: with them, what is periodic in long ones, such as vibrato, can be learnt
    )
    pitch: bool = True  # said of each phone, predicted or given; training wants it wired, and durations
    energy: bool = True
    predictor_kernel: Kernel = 3
    predictor_dropout: float = Field(0.3, ge=0.0, lt=1.0)
    pitch_weight: NonNegativeFloat = 0.1  # of height and of voicing
    energy_weight: NonNegativeFloat = 0.1
    # Of how much pitch, energy and durations deviate over an utterance (global variance): with it what is predicted is as lively as recordings are
    spread_weight: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _layers_fit(self):
        if self.hidden % (2 * self.heads):
            raise ValueError(
                f"hidden {self.hidden} is not a multiple of 2 heads, want one such as {4 * self.heads * 32}"
            )
        return self

    @model_validator(mode="after")
    def _splice_fits(self):
        if self.splice and self.references:
            raise ValueError("splice beside references: what is spliced has no recording to refer to, leave one out")
        if self.splice and self.splice.tag and self.splice.tag not in self.streams:
            raise ValueError(
                f"splice marks its joins in a stream {self.splice.tag!r}: declare it, as in streams: "
                f"{{{self.splice.tag}: {{}}}}, or say splice: {{tag: null}}"
            )
        return self

    @property
    def loss_weights(self) -> dict[str, float]:
        """What each loss that models share counts."""
        prosody = {"pitch": self.pitch_weight, "voicing": self.pitch_weight, "energy": self.energy_weight}
        spreads = {f"{name}_spread": self.spread_weight for name in ("pitch", "energy", "duration")}
        return prosody | spreads | self.discriminator_weights

    def weights_at(self, step: int | None) -> dict[str, float]:
        """`loss_weights`, and those of the references' divergences at a step of a training."""
        return self.loss_weights | {f"kl_{name}": each.counts(step) for name, each in self.references.items()}


class AcousticModel(MelModel[C]):
    """A variant adds `_network`, `fit`, `validate` and `apply`; its network is an `AcousticNet`."""

    wants_durations: ClassVar[bool]  # of what it is trained on, also where it is given neither pitch nor energy

    inputs: Inputs
    splices: Splices | None = None  # of a training that asks for them
    beside: dict[str, list[dict[str, np.ndarray]]] | None = (
        None  # references of each group's rows, where one hears several as one
    )

    @classmethod
    def check_wiring(cls, config, wired: dict):
        yield from undeclared(config, wired)
        absent = [name for name in ("spans", "word_of_phone", "durations") if name not in wired]
        if config.splice and absent and "log_mel" in wired:  # which trainings have
            yield ("splice",), f"no {' and no '.join(absent)} is wired to splice by: a parser and an aligner say them"

    def length(self, item) -> int:
        if isinstance(item, Referenced):
            return len(item.reference)
        return len(item.log_mel) if isinstance(item, TrainItem) else len(item.phones)

    def group(self, item: TrainItem) -> str:
        speaker = item.group or item.globals.get("speaker")
        return speaker if isinstance(speaker, str) else ""

    # ---- training ----

    def _begin(self, run: Run[TrainItem]) -> None:
        """A network with a row for every phone and name of the items; what `run.init` knows comes first."""
        import torch

        found, seen, referenced, measures = {}, set(), set(), Measures()
        self.beside, self.drawn = {}, run.key(0, "company")
        self.inputs = self._inputs()
        if run.init:
            found, about = weights.read(run.init)
            self.inputs.read(run.init, about, lenient=True)
        in_company = any(
            each.recordings > 1 for each in self.config.references.values()
        )  # of which all must be at hand
        splices = Splices(self.config.splice, run.key(0, "splice")) if self.config.splice else None
        for number, item in enumerate(run.items if in_company or splices else run.survey()):
            try:
                check_mel(item.log_mel, self.spec)
                self.inputs.meet([item])
                measures.add(item, self._targets(item))
                if splices:
                    splices.meet(item)
            except BadItem as error:
                start = " ".join(item.phones[:8])
                raise ValueError(f"item {number} to train on ({start} ...): {error}") from None
            if in_company:
                self.beside.setdefault(self.group(item), []).append(item.references)
            seen |= item.streams.keys()
            referenced |= item.references.keys()
        if splices:
            self.splices = splices.of(run.items)
            seen |= {self.config.splice.tag}
        self.inputs.all_wired(seen)
        self.inputs.references.all_wired(referenced)
        torch.manual_seed(run.key(0, "weights"))
        self.net = self._network()
        if self.config.learns:
            self._keep_others(self.config.learns, found)
        measured, buffers = measures.buffers(), dict(self.net.named_buffers())
        if found:
            self._take(grown(found, self.net.state_dict()), f"{run.init}")
            if "longest" in buffers:  # phones may be held longer than those that the first model was trained on
                buffers["longest"].clamp_(min=float(measured["longest"]))
        else:
            for name, buffer in buffers.items():
                if name in measured:
                    buffer.copy_(torch.as_tensor(measured[name]))

    def _at_step(self, items: list[TrainItem], frames: int, step: int | None) -> tuple[list[TrainItem], int]:
        """What a training hears of a batch at a step, and the frames to pad it to; `step` is none where dev items are judged."""
        items = self._in_company(items, step)
        if step is None or not self.splices:
            return items, frames
        items = self.splices.drawn(items, step)
        return items, max(frames, bucket(max(len(item.log_mel) for item in items)))

    def _in_company(self, items: list[TrainItem], step: int | None) -> list[TrainItem]:
        """At a step of a training, with recordings of their groups beside theirs, where a reference wants these."""
        if step is None or not self.beside:
            return items
        groups = [self.group(item) for item in items]
        return self.inputs.references.in_company(items, groups, self.beside, np.random.default_rng([self.drawn, step]))

    def _keep_others(self, learning: tuple[str, ...], found: dict) -> None:
        """No gradient for what is not named. Raises ValueError without a voice to keep, and for a part that the network has not."""
        if not found:
            raise ValueError(
                f"learns: {', '.join(learning)} keeps the rest of a voice, but there is none: name one by init"
            )
        parts = list(dict.fromkeys(name.partition(".")[0] for name, _ in self.net.named_parameters()))
        if strange := [part for part in learning if part not in parts]:
            raise ValueError(
                f"learns: the network has no part {strange[0]!r}{suggest(strange[0], parts)}; there is {', '.join(parts)}"
            )
        for name, parameter in self.net.named_parameters():
            parameter.requires_grad_(name.partition(".")[0] in learning)

    def _inputs(self) -> Inputs:
        return Inputs(self.config.streams, self.config.globals, references=References(self.config.references))

    def _targets(self, item: TrainItem) -> dict[str, np.ndarray]:
        """Durations, and pitch and energy of its phones. Raises BadItem where they are missing or do not fit the recording."""
        pitch, energy = self.config.pitch, self.config.energy
        wanted = {"durations": self.wants_durations or pitch or energy, "pitch": pitch, "energy": energy}
        if absent := [name for name, want in wanted.items() if want and getattr(item, name) is None]:
            raise BadItem(
                f"no {' and '.join(absent)}, want them beside the phones: wire them, or set pitch, energy: false"
            )
        if item.durations is not None:
            check_controls(item.durations, len(item.phones), len(item.log_mel))
        return of_phones(item, pitch, energy)

    def _tensors(self, items: list, beside: list[dict[str, np.ndarray]] | None = None) -> dict:
        """What the network is given, and of the numbers for each phone `beside` those that all items have."""
        arrays = self.inputs.arrays(items)
        for name in set.intersection(*map(set, beside or [{}])):
            arrays[name] = padded([each[name] for each in beside], arrays["phones"].shape[1])
        return {name: self._on_device(value) for name, value in arrays.items()}

    # ---- references ----

    def encode(self, items: list[Referenced]) -> list[Styled | Failure]:
        """The latent of each recording, a mean and nothing drawn, of the model's one bottleneck that hears whole recordings.

        Raises ValueError where the model has none, or no weights.
        """
        if self.net is None:
            raise ValueError("this acoustic model has no weights yet: fit it, or load what a fit has saved")
        name = self.inputs.references.encoded()
        return [self._encoded(name, item.reference) for item in items]

    def _encoded(self, name: str, values: np.ndarray) -> Styled | Failure:
        import torch

        size = self.inputs.references.declared[name].size
        if not len(values) or values.shape[1] != size:
            return Failure(
                f"a recording of {len(values)} frames with {values.shape[1]} numbers each, but the model's reference {name} "
                f"is of {size}: want as many, and a frame at least"
            )
        rows = self._on_device(values[None].astype(np.float32))
        lengths = self._on_device(np.array([len(values)], np.int64))
        self.net.eval()
        with torch.inference_mode():
            encoder = self.net.references.encoders[f"of_{name}"]
            found = encoder.mean(rows, lengths, self.net.scaled_reference)[0].cpu().numpy()
        return Styled(style_vector=found)

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        tensors = {name: value.cpu().numpy() for name, value in self.net.state_dict().items()}
        weights.write(folder, tensors, self.inputs.write(folder))

    def load(self, folder: Path) -> None:
        found, about = weights.read(folder)
        self.inputs = self._inputs()
        self.inputs.read(folder, about)
        self.net = self._network()
        self._take(found, f"{folder}, with {len(self.inputs.phones)} phones")
        self.net.eval()
