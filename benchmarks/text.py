"""How often the text front end errs on the written-out lists of tests/texts, beside others.

    python benchmarks/text.py                         # the halves that no rule was written with
    python benchmarks/text.py --half first --wrong    # the other ones, each error told
    python benchmarks/text.py --nemo PYTHON           # beside nemo-text-processing, in an environment that has it
    python benchmarks/text.py --treebanks FOLDER      # sentences of Parallel Universal Dependencies: xx_pud-ud-test.conllu
    python benchmarks/text.py --homographs FOLDER     # the folder `data` of WikipediaHomographData

A sentence is wrong in normalisation where none of its accepted forms is said; a judged word is wrong where its phones are
none of the accepted ones, but for differences of notation (see tests/written.py). Judged words were chosen because they
are hard: the share over all words of a text is smaller. Intervals are Wilson's, 95 %.
"""

import argparse
import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[1]))

from blocks.base import BadItem
from blocks.common.phones import tokens
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.text.schema import Written
from tests import written

_NEMO = """
import json, logging, sys
logging.disable(logging.CRITICAL)
texts, language = json.load(sys.stdin), sys.argv[1]
if language == "ru":  # there for audio alone: all readings, of which the best one counts
    from nemo_text_processing.text_normalization.normalize_with_audio import NormalizerWithAudio
    made = NormalizerWithAudio(input_case="cased", lang="ru")
    said = lambda text: list(made.normalize(text, n_tagged=10, punct_post_process=True))
else:
    from nemo_text_processing.text_normalization.normalize import Normalizer
    made = Normalizer(input_case="cased", lang=language)
    said = lambda text: [made.normalize(text)]
found = []
for text in texts:
    try:
        found.append(said(text))
    except Exception as error:
        found.append([f"failed: {error}"])
print("\\n" + json.dumps(found))
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--half", choices=["first", "second"], default="second")
    arguments.add_argument("--wrong", action="store_true", help="tell every error of ours")
    arguments.add_argument("--nemo", metavar="PYTHON", help="the Python of an environment with nemo-text-processing")
    arguments.add_argument("--quick", action="store_true", help="ours alone, on 20 rows of each list")
    arguments.add_argument("--treebanks", type=Path, metavar="FOLDER")
    arguments.add_argument("--homographs", type=Path, metavar="FOLDER")
    arguments.add_argument("--languages", nargs="+", default=list(written.LANGUAGES), choices=list(written.LANGUAGES))
    given = arguments.parse_args()
    logging.disable(logging.CRITICAL)
    if given.homographs:
        return _homographs(given)
    for language in given.languages:
        if given.treebanks:
            half = {"first": "dev", "second": "test"}[given.half]
            _normalisation(language, given, written.treebank(given.treebanks, language, half))
        else:
            _normalisation(language, given, written.rows(f"said_{language}", given.half))
            _phones(language, given)


def _normalisation(language: str, given: argparse.Namespace, rows: list[written.Row]) -> None:
    rows = rows[: 20 if given.quick else None]
    texts = [row.text for row in rows]
    systems: dict[str, Callable[[], list[list[str]]]] = {
        "ours": lambda: [[_ours(text, language)] for text in texts],
        "gruut": lambda: [[_gruut_words(text, language)] for text in texts],
    }
    if given.nemo:
        systems["nemo"] = lambda: _nemo(given.nemo, texts, language)
    for name, said in list(systems.items())[: 1 if given.quick else None]:
        pairs = [(row, found) for row, found in zip(rows, said())]
        if name != "ours":  # that others say `and` inside numbers, as the British do, is no error of theirs
            pairs = [(row, [*found, *(_BRITISH.sub(r"\1 ", each) for each in found)]) for row, found in pairs]
        wrong = [(row, found) for row, found in pairs if not {*map(written.fold, found)} & written.forms(row.right)]
        print(f"{language} sentences wrong in normalisation, {name}: {_share(len(wrong), len(rows))}")
        if given.wrong and name == "ours":
            print(*(f"    {row.text}  =>  {found[0]}  [{row.right}]" for row, found in wrong), sep="\n")


def _homographs(given: argparse.Namespace) -> None:
    """A homograph is read right where its phones are nearest to the transcription of the reading that is meant."""
    rows = written.homographs(given.homographs, {"first": "train", "second": "eval"}[given.half])
    rows = rows[: 20 if given.quick else None]
    normalise = _block("text.normalise").apply
    systems = {"ours": _block("text.phones").apply, "gruut": _gruut_phones}
    if shutil.which("espeak-ng"):
        systems["espeak-ng"] = _espeak
    for name, say in list(systems.items())[: 1 if given.quick else None]:
        wrong: list[tuple[written.Homograph, str]] = []
        for row in rows:
            try:
                text = normalise([Written(text=row.text, language="en-US")])[0].text
                (said,) = say([Written(text=text, language="en-US")])
            except BadItem:
                wrong.append((row, ""))
                continue
            at = [n for n, word in enumerate(said.words) if word.lower() == row.word]
            n = at[min(row.place, len(at) - 1)] if at else -1
            heard = [phone for phone, of in zip(said.phones, said.word_of_phone) if of == n]
            if not at or written.reading(heard, row.others) != row.right:
                wrong.append((row, " ".join(heard)))
        print(f"en homographs read wrong, {name}: {_share(len(wrong), len(rows))}", flush=True)
        if given.wrong and name == "ours":
            print(*(f"    {row.word} {row.right} said {heard}: {row.text}" for row, heard in wrong), sep="\n")


def _phones(language: str, given: argparse.Namespace) -> None:
    rows = written.rows(f"phones_{language}", given.half)[: 20 if given.quick else None]
    systems = {"ours": _block("text.phones").apply, "gruut": _gruut_phones}
    if shutil.which("espeak-ng"):
        systems["espeak-ng"] = _espeak
    for name, say in list(systems.items())[: 1 if given.quick else None]:
        count = wrong = 0
        for row in rows:
            judged = written.words(row.right)
            count += len(judged)
            try:
                (said,) = say([Written(text=row.text, language=written.LANGUAGES[language])])
                found = list(written.wrong(said, row.right, language))
            except BadItem as reason:
                found = [(word, str(reason)) for word, _ in judged]
            wrong += len(found)
            if given.wrong and name == "ours":
                print(*(f"    {row.text}: {word}  =>  {heard}  [{row.right}]" for word, heard in found), sep="\n")
        print(f"{language} judged words wrong in phones, {name}: {_share(wrong, count)}")


_BRITISH = re.compile(
    r"(?i)\b(hundred|thousand|million) and (?=(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thir|fif|twen|for))"
)
_BLOCKS: dict = {}


def _block(name: str):
    if name not in _BLOCKS:
        _BLOCKS[name] = find(name)(find(name).tiny, AudioSpec())
        _BLOCKS[name].setup()
    return _BLOCKS[name]


def _ours(text: str, language: str) -> str:
    (made,) = _block("text.normalise").apply([Written(text=text, language=written.LANGUAGES[language])])
    return made.text


def _gruut_sentences(text: str, language: str):
    from gruut import sentences

    return sentences(text, lang={"en": "en-us", "es": "es-es", "ru": "ru-ru"}[language[:2]])


def _gruut_words(text: str, language: str) -> str:
    try:
        return " ".join(
            word.text for sentence in _gruut_sentences(text, language) for word in sentence if word.is_spoken
        )
    except Exception as error:  # some signs end its pipeline
        return f"failed: {error}"


def _gruut_phones(items: Sequence[Written]) -> list[SimpleNamespace]:
    found = _gruut_sentences(items[0].text, items[0].language)
    spoken = [word for sentence in found for word in sentence if word.is_spoken and word.phonemes]
    own = _long_is_stressed if items[0].language.startswith("ru") else list
    return [_heard([word.text for word in spoken], [tokens(" ".join(own(word.phonemes))) or () for word in spoken])]


def _long_is_stressed(phonemes: Sequence[str]) -> list[str]:
    """Gruut's way to write the stress of Russian."""
    return [f"ˈ{phone[:-1]}" if phone.endswith("ː") and phone[0] in "aeiouɨ" else phone for phone in phonemes]


def _espeak(items: Sequence[Written]) -> list[SimpleNamespace]:
    """The sentence as a whole; word by word where it runs words together."""
    text, language = items[0].text, items[0].language
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text)
    from blocks.text._espeak import Espeak, _phones

    engine = Espeak(language)
    lines = " ".join(engine._run(engine.voice, text).stdout.split("\n")).split()
    if len(lines) != len(words):
        return find_espeak().apply(items)
    return [_heard(words, [_phones(line) or () for line in lines])]


def find_espeak():
    if "espeak" not in _BLOCKS:
        phones = find("text.phones")
        _BLOCKS["espeak"] = phones(phones.Config(engine="espeak"), AudioSpec())
        _BLOCKS["espeak"].setup()
    return _BLOCKS["espeak"]


def _heard(words: list[str], phones: list[Sequence[str]]) -> SimpleNamespace:
    return SimpleNamespace(
        words=words,
        phones=[phone for each in phones for phone in each],
        word_of_phone=[n for n, each in enumerate(phones) for _ in each],
    )


def _nemo(python: str, texts: list[str], language: str) -> list[list[str]]:
    made = subprocess.run([python, "-c", _NEMO, language], input=json.dumps(texts), capture_output=True, text=True)
    return json.loads(made.stdout.splitlines()[-1])


def _share(wrong: int, count: int) -> str:
    p, z = wrong / count, 1.96
    middle, half = (p + z * z / (2 * count)), z * (p * (1 - p) / count + z * z / (4 * count * count)) ** 0.5
    low, high = ((middle + sign * half) / (1 + z * z / count) for sign in (-1, 1))
    return f"{wrong} of {count}, {100 * p:.1f} % [{100 * max(low, 0):.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    main()
