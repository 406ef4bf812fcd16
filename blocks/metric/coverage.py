"""How many different contexts of phones a set of utterances holds, counted before anything is trained on it.

What sentences of other sentences' parts are meant to add (Lajszczak et al. 2022): phones in new neighbourhoods. Distinct phone
trigrams stand for contexts at large; a word boundary's context is the last phone of a word and the first of the next. Stress
counts, silences are phones. Of two sets, give the one by ``where:`` and the other without.
"""

from itertools import pairwise

from pydantic import NonNegativeInt

from blocks.arrays import Phones, WordOfPhone
from blocks.base import BlockConfig, Reducer, Schema


class Utterance(Schema):
    phones: Phones
    word_of_phone: WordOfPhone


class Coverage(Schema):
    utterances: NonNegativeInt
    phones: NonNegativeInt  # said in all
    trigrams: NonNegativeInt  # distinct, of phones
    boundaries: NonNegativeInt  # distinct contexts of word boundaries


class Config(BlockConfig):
    pass


class CoverageOfContexts(Reducer[Config]):
    tiny = Config()

    def reduce(self, items: list[Utterance]) -> Coverage:
        trigrams, boundaries = set(), set()
        for item in items:
            trigrams |= set(zip(item.phones, item.phones[1:], item.phones[2:]))
            spoken = zip(item.phones, item.word_of_phone.tolist())
            boundaries |= {(a, b) for (a, of), (b, other) in pairwise(spoken) if of != other and -1 not in (of, other)}
        return Coverage(
            utterances=len(items),
            phones=sum(len(item.phones) for item in items),
            trigrams=len(trigrams),
            boundaries=len(boundaries),
        )
