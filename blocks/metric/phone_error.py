"""Phone error rate: what a recogniser of phones got wrong, of the phones of the text.

Edits (insertions, deletions, substitutions) between both sequences, without silences and stress. The phones that were to be said
come from a front end as a rule, whose own errors count too. `phone_errors` is a count, for `metric.table` to add up over utterances.
"""

from typing import Annotated

from blocks.arrays import Phones, Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.phones import SILENCES, stressless
from blocks.metric.schema import Errors

PhoneErrors = Annotated[Errors, Value("phone_errors", "phone edits, of the phones that were to be said", unit="%")]


class Phonetic(Schema):
    prediction: Phones
    reference: Phones


class Understood(Schema):
    phone_errors: PhoneErrors
    per: Annotated[float, Value("per", "phone edits per phone that was to be said", unit="%")]


class Config(BlockConfig):
    pass


class PhoneError(Mapper[Config]):
    tiny = Config()
    needs = ("rapidfuzz",)
    extra = "judges"

    def apply(self, items: list[Phonetic]) -> list[Understood | Failure]:
        return each(self._one, items)

    def _one(self, item: Phonetic) -> Understood:
        from rapidfuzz.distance import Levenshtein

        prediction, reference = plain(item.prediction), plain(item.reference)
        if not reference:
            raise BadItem("reference has no phones but silences, want what is said in the recording")
        wrong = Errors(errors=Levenshtein.distance(prediction, reference), of=len(reference))
        return Understood(phone_errors=wrong, per=wrong.percent)


def plain(phones: tuple[str, ...]) -> list[str]:
    return [stressless(phone) for phone in phones if phone not in SILENCES]
