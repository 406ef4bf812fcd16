"""A trained block, to ask of it what is asked of every mapper: not how good it is, but that it keeps the contract."""

from pathlib import Path

from blocks.base import Mapper, Schema, Trainable, ports
from blocks.spec import AudioSpec
from blocks.training import FitConfig
from runner.conformance.items import draw
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import Events
from runner.fit.run import Items, LocalRun
from runner.store import Store


def trained(cls: type[Trainable], spec: AudioSpec, folder: Path) -> Path:
    """The folder with its weights after the few steps of its `tiny` settings, on items drawn from the schema of its lessons."""
    block, lessons = cls(cls.tiny, spec), _lessons(ports(cls, "fit").inputs, spec)
    files = Store(folder / "store").files
    settings = {key: value for key, value in cls.tiny if key in FitConfig.model_fields}
    run = LocalRun(
        config=FitConfig(**settings | {"max_frames": 10**6}),
        seed=0,
        train=Items(list(lessons), lessons.get),
        dev=Items([], lessons.get),
        lengths=[block.length(item) for item in lessons.values()],
        checkpoints=Checkpoints(files, "fit"),
        events=Events(files, "fit", spec.sample_rate, 0),
        length=block.length,
    )
    block.fit(run)
    block.save(folder)
    return folder


def _lessons(schema: type[Schema], spec: AudioSpec) -> dict[str, Schema]:
    """Two of each of two voices, where lessons tell of voices."""
    lesson, told = draw(schema, spec, 0), "speaker" in schema.model_fields
    return {
        f"{voice}-{n}": lesson.model_copy(update={"speaker": voice}) if told else lesson
        for voice in ("ann", "ben")
        for n in range(2)
    }


def loaded(cls: type[Mapper], spec: AudioSpec, weights: Path | None) -> Mapper:
    """A block that is ready for use, with its `tiny` settings."""
    block = cls(cls.tiny, spec)
    if weights:
        block.load(weights)
    block.setup()
    return block
