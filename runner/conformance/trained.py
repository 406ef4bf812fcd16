"""A trained block, to ask of it what is asked of every mapper: not how good it is, but that it keeps the contract."""

from pathlib import Path

from blocks.base import Mapper, Schema, Trainable, ports
from blocks.spec import AudioSpec
from blocks.training import FitConfig
from runner.conformance.items import VALUES, draw
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import Events
from runner.fit.local_run import LocalRun
from runner.fit.reading import Items
from runner.store import Store


def trained(cls: type[Trainable], spec: AudioSpec, folder: Path) -> Path:
    """The folder with its weights after the few steps of its `tiny` settings, on items drawn from the schema of its train_items."""
    fit_on(cls(cls.tiny, spec), _train_items(ports(cls, "fit").inputs, spec), folder).save(folder)
    return folder


def fit_on(block: Trainable, items: dict[str, Schema], folder: Path) -> Trainable:
    """The block, trained on these as its settings say; what a training keeps lies in `folder`."""
    files = Store(folder / "store").files
    settings = {key: value for key, value in block.config if key in FitConfig.model_fields and key != "precision"}
    run = LocalRun(
        config=FitConfig(**settings | {"max_frames": 10**6}),
        seed=0,
        train=Items(list(items), items.get),
        dev=Items([], items.get),
        lengths=[block.length(item) for item in items.values()],
        checkpoints=Checkpoints(files, "fit"),
        events=Events(files, "fit", block.spec.sample_rate, 0),
        length=block.length,
    )
    block.fit(run)
    return block


def _train_items(schema: type[Schema], spec: AudioSpec) -> dict[str, Schema]:
    """Two of each of two voices, where train_items tell of voices: one is the voice of what is drawn to be asked."""
    train_item, has_speakers = draw(schema, spec, 0), "speaker" in schema.model_fields
    return {
        f"{voice}-{n}": train_item.model_copy(update={"speaker": voice}) if has_speakers else train_item
        for voice in (VALUES["speaker"], "ben")
        for n in range(2)
    }


def loaded(cls: type[Mapper], spec: AudioSpec, weights: Path | None) -> Mapper:
    """A block that is ready for use, with its `tiny` settings."""
    block = cls(cls.tiny, spec)
    if weights:
        block.load(weights)
    block.setup()
    return block
