"""How many of the scores with lyrics that music21 brings along are read, pronounced and timed, part by part; and why others are not.

    python benchmarks/scores.py [--quick]

Nothing is sung aloud: phones are taken to be said if `pretrained/allison` knows them or one like them, consonants to last 80 ms.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from blocks.base import Failure, Skip
from blocks.common.phones import nearest
from blocks.load import find
from blocks.score.schema import Pronounced, Untimed
from blocks.spec import AudioSpec
from blocks.text.schema import Written

LANGUAGES = {
    "bach": "de", "schubert": "de", "schumann_robert": "de", "trecento": "it", "monteverdi": "it", "handel": "it", "luca": "it",
    "verdi": "it", "leadSheet": "en", "beach": "en",
}  # fmt: skip
SPEC = AudioSpec()


def made(name: str, **config):
    cls = find(name)
    block = cls(cls.Config(**config), SPEC)
    block.setup()
    return block


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the songs of one folder: to see that it runs")
    folders = {"beach": LANGUAGES["beach"]} if parser.parse_args().quick else LANGUAGES
    table = json.loads((Path(__file__).parents[1] / "pretrained" / "allison" / "symbols.json").read_text())["tables"][
        "phones"
    ]
    known = set(table)
    say, place, time = made("text.phones"), made("score.phones"), made("score.timing")
    parts, files, reasons, remarks = Counter(), {}, Counter(), Counter()
    for folder, language in folders.items():
        for song in made("score.musicxml", corpus=folder, part="all", language=language).read():
            if isinstance(song, Skip):
                continue
            reason = song.reason if isinstance(song, Failure) else sung(song, say, place, time, known)
            parts["refused" if reason else "sung"] += 1
            file = "/".join(song.id.split("/")[:-1]) or song.id
            files[file] = files.get(file, True) and not reason
            if reason:
                reasons[f"{song.id}: {reason}"] += 1
            else:
                remarks.update(remark.split(": ", 1)[-1] for remark in song.remarks)
    print(f"parts: {dict(parts)}; files: {sum(files.values())} of {len(files)} with all their parts")
    for reason in reasons:
        print("  ", reason[:220])
    print("remarks:", remarks.most_common(12))


def sung(song, say, place, time, known) -> str:
    """Why a song cannot be sung, "" if it can."""
    try:
        (words,) = say.apply([Written(text=song.text, language=song.language)])
    except ValueError as reason:
        return str(reason)
    (row,) = place.apply([Pronounced(notes=song.notes, phones=words.phones, word_of_phone=words.word_of_phone)])
    if isinstance(row, Failure):
        return row.reason
    (timed,) = time.apply([Untimed(notes=song.notes, phones=row.phones, note_of_phone=row.note_of_phone)])
    if isinstance(timed, Failure):
        return timed.reason
    strange = sorted({phone for phone in row.phones if nearest(phone, known) not in known})
    return f"phones that the voice has nothing like: {' '.join(strange)}" if strange else ""


if __name__ == "__main__":
    main()
