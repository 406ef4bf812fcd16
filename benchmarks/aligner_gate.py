"""How well the aligner's score tells right texts from wrong ones, on the voices of graphs/alignment_voices.yaml.

A wrong text is that of another row of the same voice, of ten the one whose number of phones is nearest. The least score is
chosen on rows that were trained on, where most of both are judged rightly, for all voices together; dev rows show what it is
worth. Wants a store in which the graph was run: `voxblocks run graphs/alignment_voices.yaml --store FOLDER`.
"""

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1])]

from blocks.aligner.schema import Utterance  # noqa: E402 - found by the line above
from blocks.base import BadItem  # noqa: E402
from blocks.load import restore  # noqa: E402
from runner.check import check, read_graph  # noqa: E402
from runner.plan import make_plan  # noqa: E402
from runner.store import Store  # noqa: E402

GRAPH = Path(__file__).parents[1] / "graphs" / "alignment_voices.yaml"
VOICES = {"allison": "english", "ivrvoice-ru": "russian", "nsh": "reader"}  # speaker -> node of its own model
OPEN = {"min_score": -1e9, "max_silence": 1.0, "max_phone_seconds": 1e9, "max_squeezed": 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="store")
    parser.add_argument("--size", default="full")
    parser.add_argument("--rows", type=int, default=150, help="at most, of each voice and split")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--model", help="one node for all voices, such as `all`, in place of each one's own")
    given = parser.parse_args()
    store = Store(given.store)
    plan = make_plan(check(read_graph(GRAPH, size=given.size)), store)
    tables = {name: store.existing(plan.steps[name].digest) for name in ("g2p", "mel", "speech")}
    found = {}
    for speaker, node in VOICES.items():
        block = restore(store.find_artifact(plan.steps[given.model or node].digest))
        for split in ("train", "dev"):
            ids = [row["id"] for row in tables["speech"].rows(fields=["speaker", "split"]) if fits(row, speaker, split)]
            ids = [id for id in ids if id in tables["g2p"] and id in tables["mel"]]
            random = np.random.default_rng(0)
            ids = [ids[n] for n in random.permutation(len(ids))[: 12 if given.quick else given.rows]]
            found[speaker, split] = judged(block, ids, tables, random)
    right, wrong = (
        np.array([one[0] for (_, split), both in found.items() if split == "train" for one in both[k]]) for k in (0, 1)
    )
    least = threshold(right, wrong)
    print(f"least score {least:.2f}: chosen on {len(right)} right and {len(wrong)} wrong texts of rows trained on")
    print("the gate is the least score alone; with the aligner's other limits, and its own min_score, in brackets")
    for (speaker, split), (right, wrong) in found.items():
        lost, passed = share(one[0] < least for one in right), share(one[0] >= least for one in wrong)
        lost_all, passed_all = share(not one[1] for one in right), share(one[1] for one in wrong)
        print(
            f"{speaker:12} {split:5} right refused {lost} ({lost_all}) of {len(right):3}, "
            f"wrong let through {passed} ({passed_all}) of {len(wrong):3}"
        )


def fits(row: dict, speaker: str, split: str) -> bool:
    return (row["speaker"], row["split"]) == (speaker, split)


def share(flags) -> str:
    return f"{100 * np.mean(list(flags)):5.1f} %"


def judged(block, ids: list[str], tables: dict, random: np.random.Generator) -> tuple[list, list]:
    """(score, whether it passes the whole gate) of every right text, and of every wrong one that can be aligned."""
    phones = {id: tables["g2p"].get(id, ["phones"])["phones"] for id in ids}
    right, wrong = [], []
    for id in ids:
        mel = tables["mel"].get(id, ["log_mel"])["log_mel"]
        others = [other for other in random.permutation(ids)[:10] if phones[other] != phones[id]]
        nearest = min(others, key=lambda other: abs(len(phones[other]) - len(phones[id])))
        for found, phones_said in ((right, phones[id]), (wrong, phones[nearest])):
            found += score(block, Utterance(phones=phones_said, log_mel=mel))
    return right, wrong


def score(block, item: Utterance) -> list[tuple[float, bool]]:
    """Empty where the phones have no place in the recording."""
    gate, block.config = block.config, block.config.model_copy(update=OPEN)
    try:
        (made,) = block.apply([item])
    finally:
        block.config = gate
    if not hasattr(made, "score"):
        return []
    try:
        block._is_believed(item, made.durations, made.score)
    except BadItem:
        return [(made.score, False)]
    return [(made.score, True)]


def threshold(right: np.ndarray, wrong: np.ndarray) -> float:
    """Where the shares that are judged wrongly sum to the least; in the middle of the widest such gap."""
    cuts = np.unique(np.concatenate([right, wrong]))
    middles = [((a + b) / 2, b - a) for a, b in pairwise(cuts)]
    costs = [np.mean(right < cut) + np.mean(wrong >= cut) for cut, _ in middles]
    return max((gap, cut) for (cut, gap), cost in zip(middles, costs) if cost <= min(costs) + 1e-12)[1]


if __name__ == "__main__":
    main()
