"""The markup of `text.script`, a small part of SSML, as spans of text with a rate, a pitch and the break behind each.

It is read by expat, below an element of our own: there no DTD can stand, so nobody can declare an entity, and nothing
is ever fetched.
"""

import math
import re
from dataclasses import dataclass
from xml.parsers import expat

from blocks.base import BadItem
from blocks.common.phones import typed
from blocks.text._clean import HTML
from blocks.text._say_as import KINDS, say_as
from blocks.text._spelling import Spelling

_TAG = re.compile(r"<[/!?]?[A-Za-z_]|<!--")  # a < in front of anything else is only a sign
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*\?>")
_AROUND = b"<script>", b"</script>"
_ATTRIBUTES = {  # by tag
    "speak": ("version", "xmlns", "xml:lang"),
    "break": ("time", "strength"),
    "prosody": ("rate", "pitch"),
    "phoneme": ("alphabet", "ph"),
    "sub": ("alias",),
    "p": (),
    "s": (),
    "emphasis": ("level",),
    "say-as": ("interpret-as", "format", "detail"),
}
_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.8, "x-strong": 1.2}  # seconds
_RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "fast": 1.25, "x-fast": 1.6, "default": 1.0}
_PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "high": 3.0, "x-high": 6.0, "default": 0.0}  # semitones
_LEVELS = {
    "strong": (0.85, 2.0),
    "moderate": (0.92, 1.0),
    "none": (1.0, 0.0),
    "reduced": (1.1, -1.0),
}  # rate, semitones
_NUMBER = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_LONGEST, _SLOWEST, _FASTEST, _FARTHEST = 10.0, 0.1, 10.0, 24.0  # s, times, times, semitones


@dataclass(frozen=True)
class Span:
    """Text that is said in one way, and the break behind it in seconds if there is one."""

    text: str
    rate: float = 1.0
    shift: float = 0.0  # semitones
    pause: float | None = None
    notes: tuple[str, ...] = ()


def spans(text: str, language: str, spelling: Spelling | None = None) -> list[Span]:
    """A text without tags is one span; `spelling` serves `<say-as>`. Raises BadItem naming tag, character (from 1) and what would fit."""
    html = HTML.sub(lambda m: m[0] if re.search(r"\w+", m[0])[0] in _ATTRIBUTES else "", text)
    if not _TAG.search(html):  # that alone is left out by text.normalise
        return [Span(text)]
    if declared := _DECLARATION.match(text):
        text = " " * declared.end() + text[declared.end() :]
    return _Reader(text, language, spelling).read()


class _Reader:
    def __init__(self, text: str, language: str, spelling: Spelling | None):
        self.spelling = spelling
        self.data, self.language = text.encode("utf-8", "replace"), language
        self.open: list[tuple[str, float, float]] = []  # tag, rate and shift in it
        self.spans: list[Span] = []
        self.given: dict[str, str] = {}  # of the say-as that is open
        self.said = ""  # since the last span
        self.over = False  # behind </speak>

    def read(self) -> list[Span]:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.Parse(_AROUND[0], False)
        self.parser.CharacterDataHandler = self.text
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.ProcessingInstructionHandler = lambda target, _: self.wrong(f"<?{target}?>", "no instructions")
        try:
            self.parser.Parse(self.data + _AROUND[1], True)
        except expat.ExpatError as error:
            inside = f" inside <{self.open[-1][0]}>" if self.open else ""
            raise BadItem(
                f"the markup is not well-formed at character {self.place(self.parser.ErrorByteIndex)}{inside}: "
                f"{expat.ErrorString(error.code)}; want every tag closed, &amp; for & and &lt; for <, and no DTD"
            ) from None
        self.flush()
        return self.spans

    def place(self, byte: int) -> int:
        return len(self.data[: max(0, byte - len(_AROUND[0]))].decode("utf-8", "ignore")) + 1

    def wrong(self, what: str, want: str):
        raise BadItem(f"{what} at character {self.place(self.parser.CurrentByteIndex)} of the text: want {want}")

    # ---- what expat finds ----

    def text(self, found: str) -> None:
        tag = self.open[-1][0] if self.open else ""
        if self.over and found.strip():
            self.wrong(f"{found.strip()[:20]!r}", "nothing behind </speak>")
        if tag == "break" and found.strip():
            self.wrong(f"{found.strip()[:20]!r} in <break>", "<break/> with nothing in it")
        if tag == "say-as":
            self.given["text"] = self.given.get("text", "") + found
        elif tag not in ("sub", "phoneme", "break"):
            self.said += found

    def start(self, tag: str, given: dict[str, str]) -> None:
        if tag not in _ATTRIBUTES:
            self.wrong(f"<{tag}>", f"one of {', '.join(_ATTRIBUTES)}")
        if strange := [name for name in given if name not in _ATTRIBUTES[tag]]:
            self.wrong(
                f"<{tag} {strange[0]}=...>",
                f"no attribute but {' and '.join(_ATTRIBUTES[tag])}" if _ATTRIBUTES[tag] else "no attributes",
            )
        if self.over or (self.open and self.open[-1][0] in ("break", "phoneme", "sub", "say-as")):
            self.wrong(f"<{tag}>", "no tag behind </speak>, nor in break, phoneme, sub and say-as")
        if tag in ("prosody", "emphasis"):
            self.flush()
        self.open.append((tag, *self.manner()))
        getattr(self, f"_{tag.replace('-', '_')}")(given)

    def end(self, tag: str) -> None:
        if not self.open:
            return
        if tag in ("prosody", "emphasis"):
            self.flush()
        if tag == "say-as":
            self._say_as_end()
        self.open.pop()
        if tag in ("p", "s"):
            self._sentence_end(0.8 if tag == "p" else None)
        self.over = tag == "speak"

    def flush(self, pause: float | None = None) -> None:
        """End a span here."""
        if self.said or pause is not None:
            self.spans.append(Span(self.said, *self.manner(), pause))
        self.said = ""

    def manner(self) -> tuple[float, float]:
        """The rate and the shift here."""
        return self.open[-1][1:] if self.open else (1.0, 0.0)

    # ---- tags ----

    def _speak(self, given: dict[str, str]) -> None:
        if len(self.open) > 1 or self.spans or self.said.strip():
            self.wrong("<speak>", "it once, around the whole text")
        if (found := given.get("xml:lang", self.language)).split("-")[0].lower() != self.language.split("-")[0].lower():
            self.wrong(f"<speak xml:lang={found!r}>", f"{self.language!r}, the language that the text is read in")

    def _break(self, given: dict[str, str]) -> None:
        strength = given.get("strength", "medium")
        if strength not in _STRENGTHS:
            self.wrong(f"<break strength={strength!r}>", f"one of {', '.join(_STRENGTHS)}")
        seconds = _STRENGTHS[strength]
        if time := given.get("time"):
            found = re.fullmatch(rf"{_NUMBER}(ms|s)", time.strip())
            seconds = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else math.inf
            if seconds > _LONGEST:
                self.wrong(f"<break time={time!r}>", f"a time such as 500ms or 1.2s, {_LONGEST:g}s at most")
        self.flush(seconds)

    def _prosody(self, given: dict[str, str]) -> None:
        rate, shift = self.manner()
        if "rate" in given:
            rate *= _rate(given["rate"].strip())
            if not _SLOWEST <= rate <= _FASTEST:  # false for nan, too
                labels = ", ".join(_RATES)
                self.wrong(
                    f"<prosody rate={given['rate']!r}>", f"80%, +10%, 1.2 or one of {labels}, 0.1 to 10 times in all"
                )
        if "pitch" in given:
            shift += _shift(given["pitch"].strip())
            if not abs(shift) <= _FARTHEST:
                labels = ", ".join(_PITCHES)
                self.wrong(
                    f"<prosody pitch={given['pitch']!r}>", f"+2st, -10% or one of {labels}, two octaves away at most"
                )
        self.open[-1] = ("prosody", rate, shift)

    def _phoneme(self, given: dict[str, str]) -> None:
        if (alphabet := given.get("alphabet", "ipa")) != "ipa":
            self.wrong(f"<phoneme alphabet={alphabet!r}>", "ipa")
        ph = given.get("ph", "").strip()
        try:
            found = typed(ph, self.language)
        except ValueError as reason:
            self.wrong(f"<phoneme ph={ph!r}>", f"IPA phones: {reason}")
        if not found:
            self.wrong(f"<phoneme ph={ph!r}>", "IPA phones")
        self.said += f" [[ {' '.join(found)} ]] "

    def _sub(self, given: dict[str, str]) -> None:
        if "alias" not in given:
            self.wrong("<sub> without alias", "the words to say instead, as in alias='World Wide Web'")
        self.said += given["alias"]

    def _p(self, given: dict[str, str]) -> None:
        if self.said.strip():
            self._sentence_end(None)

    _s = _p

    def _sentence_end(self, pause: float | None) -> None:
        """A full stop where no mark stands, and the break of a paragraph."""
        before = next((text for text in (self.said, *(span.text for span in reversed(self.spans))) if text.strip()), "")
        if before.strip() and before.rstrip()[-1] not in ".?!…":
            self.said = self.said.rstrip(" \n\t,;:") + ". "
        if pause is not None and before.strip():
            self.flush(pause)

    def _emphasis(self, given: dict[str, str]) -> None:
        level = given.get("level", "moderate")
        if level not in _LEVELS:
            self.wrong(f"<emphasis level={level!r}>", f"one of {', '.join(_LEVELS)}")
        rate, shift = self.manner()
        self.open[-1] = ("emphasis", rate * _LEVELS[level][0], shift + _LEVELS[level][1])

    def _say_as(self, given: dict[str, str]) -> None:
        kind = given.get("interpret-as", "")
        if kind not in KINDS:
            self.wrong(f"<say-as interpret-as={kind!r}>", f"one of {', '.join(KINDS)}")
        if self.spelling is None:
            self.wrong("<say-as>", f"English, Spanish or Russian: there are no rules for {self.language!r}")
        self.given = dict(given)

    def _say_as_end(self) -> None:
        kind, text = self.given["interpret-as"], self.given.get("text", "")
        try:
            self.said += f" {say_as(self.spelling, kind, text, self.given.get('format', ''))} "
        except ValueError as want:
            self.wrong(f"{text!r} in <say-as interpret-as={kind!r}>", str(want))


def _rate(value: str) -> float:
    """``80%``, ``+10%``, ``1.2`` or a label as a factor; nan for anything else."""
    found = re.fullmatch(rf"([+-]?){_NUMBER}(%?)", value)
    if not found or (found[1] and not found[3]):
        return _RATES.get(value, math.nan)
    number = float(found[2]) / (100 if found[3] else 1)
    return {"": number, "+": 1 + number, "-": 1 - number}[found[1]]


def _shift(value: str) -> float:
    """``+2st``, ``-10%`` or a label in semitones; nan for anything else."""
    found = re.fullmatch(rf"([+-]){_NUMBER}(st|%)", value)
    if not found:
        return _PITCHES.get(value, math.nan)
    number = float(found[1] + found[2])
    return number if found[3] == "st" else 12 * math.log2(1 + number / 100) if number > -100 else math.nan
