"""Texts that users brought, and their siblings: what is said of them, and how it sounds."""

import csv
import re

import pytest

from blocks.load import find
from blocks.spec import AudioSpec
from blocks.text.schema import Written
from tests import signs
from tests.written import LANGUAGES, TEXTS, fold


def cases():
    for path in sorted(TEXTS.glob("reported_*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                yield pytest.param(LANGUAGES[path.stem[-2:]], *row.values(), id=f"{path.stem[-2:]}: {row['text'][:40]}")


@pytest.fixture(scope="module")
def front_end():
    blocks = [find(name)(find(name).tiny, AudioSpec()) for name in ("text.normalise", "text.phones")]
    for block in blocks:
        block.setup()
    return blocks


@pytest.mark.parametrize(("language", "text", "said", "want", "refuse"), list(cases()))
def test_what_users_brought_is_said_right(front_end, language, text, said, want, refuse):
    """Every text is spoken, whatever stands in it; phones are looked at where a pattern says which."""
    normalise, phones = front_end
    (made,) = normalise.apply([Written(text=text, language=language)])
    if said:
        assert fold(made.text) in [fold(form) for form in said.split(" | ")]
    (spoken,) = phones.apply([Written(text=made.text, language=language)])
    sounds = " ".join(spoken.phones)
    if want:
        assert re.search(want, sounds)
    if refuse:
        assert not re.search(refuse, sounds)


@pytest.mark.parametrize("language", list(signs.FORMS))
def test_no_sign_costs_a_sentence(front_end, language):
    """A sample; `benchmarks/signs.py` asks all 57,880."""
    asked = [*signs.assigned()[::997], *"ƕᵺﬄ㎅ⱰꜲ☃①½ıßþœ"]
    for form in signs.FORMS[language]:
        assert list(signs.refused(front_end, asked, form, language)) == []
