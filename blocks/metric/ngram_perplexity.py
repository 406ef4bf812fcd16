"""How likely texts are by an n-gram model of other texts: interpolated Kneser-Ney smoothing, one discount for each order.

For texts that nobody wrote, as spliced ones: how far they are from what people write. The model is trained on open texts, that is
on none of those it judges. Words count without case and punctuation; the end of a text is predicted as well, unknown words share what the
lowest order leaves to all words alike. Of texts that are compared take the mean of `bits`: perplexity is 2 to the power of it.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import Text, Value
from blocks.base import Failure, Schema, Trainable
from blocks.common import symbols, weights
from blocks.common.symbols import Symbols
from blocks.common.words import plain
from blocks.training import FitConfig, Run

_END, _START = -1, -2  # beside the rows of words, and 0 for an unknown one


class Written(Schema):
    text: Text


class Likelihood(Schema):
    bits: Annotated[float, Value("bits_per_word", "cross-entropy of a text, its end a word as well", unit="bits")]
    perplexity: Annotated[float, Value("perplexity", "2 to the power of the bits a word")]


class Config(FitConfig):
    order: PositiveInt = 3
    max_steps: PositiveInt = 1  # counting takes one


class NgramPerplexity(Trainable[Config]):
    tiny = Config()
    paper = "Kneser and Ney 1995; Chen and Goodman 1999 (interpolated)"

    model = None  # once there are texts

    def fit(self, run: Run[Written]) -> None:
        """Raises ValueError without a word to count."""
        texts = [plain(item.text).split() for item in run.items]
        self.words = Symbols(word for text in texts for word in text)
        if not len(self.words):
            raise ValueError("the texts to count have no words")
        self.tokens = np.array([row for text in texts for row in [*map(self.words.row, text), _END]], np.int32)
        state = run.state(tokens=self.tokens)
        for batch in run.batches():
            run.report(batch.step, loss=0.0, words=len(self.words))
        self.tokens = np.asarray(state.tokens)
        self.model = KneserNey(self.tokens.tolist(), self.config.order, len(self.words))

    def apply(self, items: list[Written]) -> list[Likelihood | Failure]:
        """Raises ValueError where there is no model yet."""
        if self.model is None:
            raise ValueError("this model has counted no texts yet: fit it, or load what a fit has saved")
        return [self._one(plain(item.text).split()) for item in items]

    def _one(self, words: list[str]) -> Likelihood | Failure:
        if not words:
            return Failure("a text without words")
        bits = -float(np.mean(np.log2(list(self.model.probabilities([*map(self.words.row, words), _END])))))
        return Likelihood(bits=bits, perplexity=2**bits)

    def save(self, folder: Path) -> None:
        weights.write(folder, {"tokens": self.tokens}, symbols.write(folder, words=self.words))

    def load(self, folder: Path) -> None:
        found, about = weights.read(folder)
        (self.words,) = symbols.read(folder, "words", about=about)
        weights.check(
            {name: value.shape for name, value in found.items()}, {"tokens": found["tokens"].shape}, f"{folder}"
        )
        self.tokens = found["tokens"]
        self.model = KneserNey(self.tokens.tolist(), self.config.order, len(self.words))


class KneserNey:
    """Of rows of words in one list, each text ended by an end; `words` is how many different ones there are."""

    def __init__(self, tokens: list[int], order: int, words: int):
        self.order, self.words = order, words
        grams = [
            Counter() for _ in range(order)
        ]  # of 1, 2 ... words; all but the longest by how many words they follow
        for gram in _grams(tokens, order):
            grams[-1][gram] += 1
        for longer, shorter in zip(grams[:0:-1], grams[-2::-1]):
            shorter.update(gram[1:] for gram in longer)
        self.grams, self.discounts = grams, [_discount(found) for found in grams]
        self.totals, self.kinds = [Counter() for _ in grams], [Counter() for _ in grams]  # by what stands before
        for found, totals, kinds in zip(grams, self.totals, self.kinds):
            for gram, count in found.items():
                totals[gram[:-1]] += count
                kinds[gram[:-1]] += 1

    def probabilities(self, tokens: list[int]):
        """Of each token of a text after those before it; unknown words are 0."""
        return map(self.probability, _grams(tokens, self.order))

    def probability(self, gram: tuple[int, ...]) -> float:
        """Of its last token after the others, any shorter history included."""
        found = 1 / (self.words + 2)  # an end and an unknown word are as likely as any
        for n in range(len(gram)):
            part = gram[len(gram) - n - 1 :]
            if total := self.totals[n][part[:-1]]:
                less = self.discounts[n]
                left = less * self.kinds[n][part[:-1]]
                found = (max(self.grams[n][part] - less, 0) + left * found) / total
        return found


def _grams(tokens: list[int], order: int):
    """Of every token, with as many before it; before a text stand starts."""
    history = start = (_START,) * (order - 1)
    for token in tokens:
        gram = (*history, token)
        yield gram
        history = start if token == _END else gram[1:]


def _discount(grams: Counter) -> float:
    """n1 / (n1 + 2 n2), of how many were seen once and twice (Ney et al. 1994)."""
    seen = Counter(grams.values())
    return seen[1] / (seen[1] + 2 * seen[2]) if seen[1] and seen[2] else 0.5
