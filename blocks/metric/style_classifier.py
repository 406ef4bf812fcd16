"""How often the right style is told from an utterance, by a classifier that has learnt from recordings how each is spoken.

Linear discriminant analysis with a shrunken covariance (Ledoit and Wolf 2004; scikit-learn's) of six statistics of an utterance
(`features.prosody_statistics`), all styles alike likely. It learns from recordings of split ``train``; of the others of every system that
share is told whose style it takes for the right one, as the mean over styles, so that chance is one over their number. Ribeiro et al.
2022 ask the same of a classifier of mels. Intervals are percentile bootstraps within each style (SciPy's).
Axes: U utterances, S statistics.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, PositiveInt

from blocks.arrays import ProsodyStatistics, Speaker, Split
from blocks.base import BadItem, BlockConfig, Reducer, Schema
from blocks.load import suggest

_FEWEST = 3  # recordings of a style to learn from


class Utterance(Schema):
    prosody: dict[str, ProsodyStatistics]  # of an utterance, by system
    style: Speaker  # by the name of the speaker it was recorded from
    split: Split


class SystemScore(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str
    utterances: int
    percent: float  # mean over the styles
    low: float
    high: float
    styles: dict[str, float]  # of each alone, percent


class Answers(Schema):
    chance: float  # percent
    learnt_from: dict[str, int]  # recordings, by style
    systems: list[SystemScore]


class Config(BlockConfig):
    reference: str = "recordings"  # the system that is learnt from
    resamples: PositiveInt = 1000


class StyleClassifier(Reducer[Config]):
    """Raises BadItem for fewer than two styles, a style with fewer than three recordings to learn from, and where nothing is left to ask."""

    tiny = Config(resamples=10)
    paper = (
        "Ribeiro et al. 2022 (styles told by a classifier trained on recordings); Ledoit and Wolf 2004 (the covariance)"
    )
    needs = ("sklearn",)
    extra = "judges"
    stochastic = True

    @classmethod
    def check_wiring(cls, config: Config, wired: dict):
        """A reference that nothing is wired to."""
        systems = wired.get("prosody")
        if isinstance(systems, dict) and config.reference not in systems:
            yield ("reference",), f"no system {config.reference!r} is wired{suggest(config.reference, list(systems))}"

    def reduce(self, items: list[Utterance]) -> Answers:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        known = [item for item in items if item.split == "train" and self.config.reference in item.prosody]
        asked = [item for item in items if item.split != "train"]
        counts = {style: sum(item.style == style for item in known) for style in sorted({item.style for item in items})}
        few = [f"{count} of {style}" for style, count in counts.items() if count < _FEWEST]
        if len(counts) < 2 or few or not asked:
            raise BadItem(
                f"recordings to learn from: {', '.join(few) or counts or 'none'}, utterances to ask about: {len(asked)}; "
                f"want two styles, {_FEWEST} recordings of split train of each, and some of another split"
            )
        classifier = LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage="auto", priors=np.full(len(counts), 1 / len(counts))
        )
        learnt_US = np.stack([item.prosody[self.config.reference] for item in known]).astype(np.float64)
        mean_S, deviation_S = learnt_US.mean(axis=0), np.maximum(learnt_US.std(axis=0), 1e-6)
        classifier.fit((learnt_US - mean_S) / deviation_S, [item.style for item in known])
        systems, random = [], np.random.default_rng(self.seed)
        for name in dict.fromkeys(name for item in asked for name in item.prosody):
            having = [item for item in asked if name in item.prosody]
            spoken_US = np.stack([item.prosody[name] for item in having]).astype(np.float64)
            right_U = classifier.predict((spoken_US - mean_S) / deviation_S) == [item.style for item in having]
            right = {
                style: right_U[[item.style == style for item in having]] for style in {item.style for item in having}
            }
            systems.append(self._told(name, right, random))
        return Answers(chance=100 / len(counts), learnt_from=counts, systems=systems)

    def _told(self, name: str, right: dict[str, np.ndarray], random: np.random.Generator) -> SystemScore:
        """`right`: whether each utterance was told right, by style."""
        from scipy.stats import bootstrap

        def percent(*each, axis=-1):
            return 100 * np.mean([np.mean(answers, axis=axis) for answers in each], axis=0)

        parts = [right[style].astype(float) for style in sorted(right)]
        low = high = float(percent(*parts))
        if all(len(part) > 1 for part in parts):
            drawn = bootstrap(parts, percent, n_resamples=self.config.resamples, method="percentile", rng=random)
            low, high = map(float, drawn.confidence_interval)
        return SystemScore(
            system=name, utterances=sum(map(len, parts)), percent=float(percent(*parts)), low=low, high=high,
            styles={style: 100 * float(right[style].mean()) for style in sorted(right)},
        )  # fmt: skip
