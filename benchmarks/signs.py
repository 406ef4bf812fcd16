"""Whether one odd sign costs a sentence: all signs of Unicode's first plane and the emoji, through text.normalise and text.phones.

    python benchmarks/signs.py                    # minutes a language
    python benchmarks/signs.py --languages ru

Tells each sign with which "Hello X world" or "helloXworld" is refused, and exits with 1 where there is one.
"""

import argparse
import sys
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from blocks.load import find
from blocks.spec import AudioSpec
from tests import signs


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--languages", nargs="+", default=list(signs.FORMS), choices=list(signs.FORMS))
    arguments.add_argument("--quick", action="store_true", help="one sign in 200")
    given = arguments.parse_args()
    front_end = [find(name)(find(name).tiny, AudioSpec()) for name in ("text.normalise", "text.phones")]
    for block in front_end:
        block.setup()
    asked, wrong = signs.assigned()[:: 200 if given.quick else 1], 0
    for language in given.languages:
        for form in signs.FORMS[language]:
            found = list(signs.refused(front_end, asked, form, language))
            print(f"{language} {form!r}: {len(found)} of {len(asked):,} signs cost the text")
            for sign, reason in found:
                print(f"  U+{ord(sign):04X} {unicodedata.name(sign, '')}: {reason}")
            wrong += len(found)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
