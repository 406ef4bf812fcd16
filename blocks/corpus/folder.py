"""Corpus: any folder of recordings (wav, flac, ogg, mp3, ...), also in subfolders that are not hidden; who speaks stands in the settings.

The id of a row is its path below the folder without the suffix. The rows hold no text.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from blocks.base import Failure, Skip, Unread
from blocks.common import audio, contents, recordings
from blocks.common.recordings import Entry, OwnConfig, OwnCorpus
from blocks.corpus.schema import Recording


class Config(OwnConfig):
    path: str  # of the folder; empty: no rows, for a graph that others bring their folder to
    prefix: str = ""  # put before each id, to pool several folders


class Folder(OwnCorpus[Config]):
    paths = ("path",)
    tiny = Config(path="recordings")

    def fingerprint(self) -> str:
        return contents.fingerprint(Path(self.config.path), paths(self.config.path)) if self.config.path else ""

    def entries(self) -> Iterator[Unread[Recording] | Failure | Skip]:
        found = entries(self.config) if self.config.path else ()
        return recordings.unread(Recording, found, self.config, self.spec.sample_rate)


def paths(root: str) -> list[Path]:
    """Every recording below a folder that is not hidden, sorted. Raises FileNotFoundError where there is none."""
    found = recordings.files_below(Path(root))
    if not Path(root).is_dir():
        raise FileNotFoundError(f"path: no folder {root!r} below {Path.cwd()}; want a folder of recordings")
    if not found:
        raise FileNotFoundError(f"path: no recording in {root}; want files of {', '.join(sorted(audio.SUFFIXES))}")
    return found


def entries(config: Config) -> Iterator[Entry | Failure]:
    own = config.model_dump(include={"speaker", "language", "style", "licence"})
    seen: dict[str, Path] = {}
    for path in paths(config.path):
        key = contents.utf8(path.relative_to(config.path).with_suffix("").as_posix())
        if key in seen:
            twin = f"{config.prefix}{key}{path.suffix}"
            yield Failure(
                f"{contents.utf8(path.name)} would have the id of {seen[key].name}: keep one of the two", twin
            )
            continue
        seen[key] = path
        yield Entry(config.prefix + key, key, partial(audio.decode, path), own)
