"""What is sung on each note: words as they are spoken, split into syllables, one row a phone (Angelini et al. 2020, UTACO).

Each syllable of a word has one vowel, and the consonants before it that can begin a syllable, told by rising sonority
(Selkirk 1984). On a melisma the vowel is said again on each note, and the consonants after it move to the last (Hono et al.
2021). Where a word is spoken with more vowels than it has syllables in the score, neighbours share a note; with fewer, the
last vowel goes on. A rest is a row of its own.

Streams are the paper's: phone, octave, step, seconds of the note, and a ramp that tells the edges of notes. Its token of a word
boundary takes no time and is told here by a number, `word_end`, so that each row has frames; the ramp counts it as the paper does.
Of a single phone the ramp, which the paper leaves open, is 1. Axes: N phones.
"""

from collections.abc import Iterator

from blocks.base import BadItem, BlockConfig, Failure, Mapper
from blocks.common.singing import is_nucleus, syllables_of
from blocks.score._rows import REST, Row, streams
from blocks.score.schema import Pronounced, Sung

_SONORITY = (
    (0, "p b t d ʈ ɖ c ɟ k ɡ q ɢ ʔ t͡s d͡z t͡ʃ d͡ʒ t͡ɕ d͡ʑ t͡ʂ d͡ʐ p͡f pʲ bʲ tʲ dʲ kʲ ɡʲ t͡sʲ"),
    (1, "ɸ β f v θ ð s z ʃ ʒ ʂ ʐ ɕ ʑ ç ʝ x ɣ χ ʁ ħ ʕ h ɦ ɬ ɮ fʲ vʲ sʲ zʲ xʲ ɕː ʑː"),
    (2, "m ɱ n ɳ ɲ ŋ ɴ mʲ nʲ n̩ m̩"),
    (3, "l ɫ ɭ ʎ ʟ lʲ l̩ r ʀ ɾ ɽ ʙ r̝ rʲ r̩ ɹ ɻ"),
    (4, "ʋ j ɰ w ʍ ɥ"),
)
SONORITY = {phone: rank for rank, phones in _SONORITY for phone in phones.split()}
_NO_ONSET = frozenset(["ŋ"])


class Config(BlockConfig):
    pass


class Phones(Mapper[Config]):
    tiny = Config()
    paper = "Angelini et al. 2020 (UTACO, 1912.05881); Hono et al. 2021 (Sinsy, 2108.02776)"

    def apply(self, items: list[Pronounced]) -> list[Sung | Failure]:
        made = []
        for item in items:
            try:
                made.append(_sung(item))
            except BadItem as reason:
                made.append(Failure(str(reason)))
        return made


def _sung(item: Pronounced) -> Sung:
    remarks: list[str] = []
    rows = list(_rows(item, remarks))
    return Sung(**streams(rows, item.notes), remarks=tuple(remarks))


def _rows(item: Pronounced, remarks: list[str]) -> Iterator[Row]:
    parts = iter(_parts(item, remarks))
    notes, n = item.notes, 0
    while n < len(notes):
        note = notes[n]
        if note.key is None:
            yield Row(REST, n)
            n += 1
            continue
        if not note.lyric:
            raise BadItem(f"{note.place or f'note {n + 1}'}: a note without a syllable before it, want one, or a rest")
        held = n + 1  # the first note behind those that this syllable is sung on
        while held < len(notes) and notes[held].key is not None and not notes[held].lyric:
            held += 1
        sung = [row for _ in syllables_of(note.lyric) for row in next(parts)]
        at = max((i for i, (_, phone, _) in enumerate(sung) if is_nucleus(phone)), default=len(sung) - 1)
        spoken, phone, end = sung[at]
        last = held == n + 1
        yield from (Row(p, n, s, e) for s, p, e in sung[:at])
        yield Row(phone, n, spoken, end and last)
        for m in range(n + 1, held):
            yield Row(phone, m, spoken, end and m == held - 1)
        yield from (Row(p, held - 1, s, e) for s, p, e in sung[at + 1 :])
        n = held


# ---- words to syllables ----


def _parts(item: Pronounced, remarks: list[str]) -> list[list[tuple[int, str, bool]]]:
    """Of each syllable of the notes its phones: number in the text, phone, whether a word ends with it."""
    words = _spoken_words(item)
    written = _written_words(item)
    if len(words) != len(written):
        raise BadItem(
            f"{len(written)} words on the notes, but {len(words)} are spoken: want the same text, such as a score's own"
        )
    made = []
    for (lyric, count, place), word in zip(written, words):
        nuclei = [i for i, (_, phone) in enumerate(word) if is_nucleus(phone)]
        if len(nuclei) != count:
            remarks.append(f"{place}: {lyric!r} has {count} syllables, and is spoken with {len(nuclei)} vowels")
        ends = [*_cuts([phone for _, phone in word], nuclei, count), len(word)]
        sung = [[(spoken, phone, False) for spoken, phone in word[a:b]] for a, b in zip([0, *ends], ends)]
        if (more := count - len(sung)) > 0:  # the last vowel goes on
            at = nuclei[-1] - ([0, *ends][-2]) if nuclei else len(sung[-1]) - 1
            sung[-1:] = [sung[-1][: at + 1], *[sung[-1][at : at + 1]] * (more - 1), sung[-1][at:]]
        sung[-1][-1] = (*sung[-1][-1][:2], True)
        made += sung
    return made


def _spoken_words(item: Pronounced) -> list[list[tuple[int, str]]]:
    of = item.word_of_phone
    words: list[list[tuple[int, str]]] = [[] for _ in range(int(of.max(initial=-1)) + 1)]
    for place, (phone, word) in enumerate(zip(item.phones, of.tolist(), strict=True)):
        if word >= 0:
            words[word].append((place, phone))
    return words


def _written_words(item: Pronounced) -> list[tuple[str, int, str]]:
    """Of each word on the notes: as it is written, how many syllables it has, and where it begins."""
    made, word, count, place = [], "", 0, ""
    for note in item.notes:
        for syllable in syllables_of(note.lyric):
            place = place if count else note.place
            word, count = word + syllable.removesuffix("-"), count + 1
            if not syllable.endswith("-"):
                made.append((word, count, place))
                word, count = "", 0
    return [*made, (word, count, place)] if count else made


def _cuts(phones: list[str], nuclei: list[int], count: int) -> list[int]:
    """Where each syllable but the last ends; fewer than `count` - 1 where there are too few vowels."""
    share = min(count, max(1, len(nuclei)))
    firsts = [nuclei[k * len(nuclei) // share] for k in range(share)] if nuclei else []
    return [onset(phones, max(i for i in nuclei if i < first), first) for first in firsts[1:]]


def onset(phones: list[str], before: int, nucleus: int) -> int:
    """Where the consonants between two vowels begin to belong to the second: sonority rises, and s may stand before."""
    at = nucleus
    while at - 1 > before and phones[at - 1] not in _NO_ONSET:
        rank = SONORITY.get(phones[at - 1], 0)
        if at < nucleus and rank >= SONORITY.get(phones[at], 0):
            sibilant = phones[at - 1] in ("s", "ʃ") and SONORITY.get(phones[at], 0) == 0
            return at - 1 if sibilant else at
        at -= 1
    return at
