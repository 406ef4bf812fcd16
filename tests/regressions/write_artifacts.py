"""Writes the artifacts of the format in use into ``artifacts/<format>/``, once, before a new format takes its place.

    VOXBLOCKS_BLOCKS=tests/toys python -m tests.regressions.write_artifacts

Two blocks are really trained, in few steps; `expected.json` holds what they then make of `waves` and `utterance`.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).parent / "artifacts"
TEXTS = {"one": "hello world", "two": "who is there", "three": "go on", "nine": "say no more"}
GRAPH = """
about: Artifacts for the tests of later formats
spec: {{n_mels: 12}}
nodes:
  speech: {{read: corpus.ljspeech, config: {{path: {root}, prefix: "", language: en, licence: CC0-1.0, splits: [train, dev]}}}}
  spoken: {{map: text.phones, in: {{text: speech.text, language: speech.language}}}}
  mel: {{map: features.log_mel, in: {{wave: speech.wave}}}}
  aligner:
    fit: aligner.monotonic
    in: {{phones: spoken.phones, log_mel: mel.log_mel, split: speech.split}}
    config: {{coefficients: 3, states: 2, max_steps: 4, val_check_interval: 2, checkpoint_interval: 2, min_score: -1e9}}
  tuned:
    fit: toy.tuned
    in: {{wave: speech.wave, split: speech.split}}
    config: {{max_steps: 8, max_frames: 60000, checkpoint_interval: 4, val_check_interval: 4}}
"""


def wave(seconds: float, seed: int) -> np.ndarray:
    """float32 (samples,): noise whose colour and level change."""
    noise = np.random.default_rng(seed).normal(size=int(16000 * seconds))
    slow = np.sin(2 * np.pi * (2 + seed) * np.arange(len(noise)) / 16000)
    return (0.1 * (noise + slow * np.roll(noise, 1)) * (1.2 + slow)).astype(np.float32)


def utterance() -> tuple[tuple[str, ...], np.ndarray]:
    """Phones and log_mel (T, 12) for the aligner."""
    return ("sil", "h", "ə", "l", "ˈoʊ", "sil"), np.random.default_rng(5).normal(-4, 2, (40, 12)).astype(np.float32)


def answers(aligner, tuned) -> dict:
    """What two blocks with their weights make of it, as JSON."""
    from blocks.aligner.schema import Utterance
    from blocks.toy.schema import Sound

    phones, log_mel = utterance()
    (aligned,) = aligner.apply([Utterance(phones=phones, log_mel=log_mel)])
    (sound,) = tuned.apply([Sound(wave=wave(0.01, 1))])
    made = {"durations": aligned.durations.tolist(), "score": float(aligned.score)}
    return made | {"tuned": [float(value) for value in sound.wave[:20]]}


def main() -> None:
    from runner.check import check, read_graph
    from runner.plan import make_plan
    from runner.run.local import LocalExecutor
    from runner.store import Store
    from runner.store.artifact import FORMAT
    from runner.work.executor import Observer

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        (corpus / "wavs").mkdir(parents=True)
        for n, name in enumerate(TEXTS):
            soundfile.write(corpus / "wavs" / f"{name}.wav", wave(1.0 + 0.2 * n, n), 16000)
        (corpus / "metadata.csv").write_text("".join(f"{name}|{text}\n" for name, text in TEXTS.items()))
        path = Path(folder, "artifacts.yaml")
        path.write_text(GRAPH.format(root="corpus"))
        os.chdir(folder)  # so that no path of this machine is in the graph
        store = Store(Path(folder, "store"))
        plan = make_plan(check(read_graph(path)), store)
        outcome = LocalExecutor().run(plan, store, Observer())
        if outcome.error:
            raise outcome.error
        blocks = {}
        for name in ("aligner", "tuned"):
            made, checked = store.find_artifact(plan.steps[name].digest), plan.steps[name].checked
            shutil.copytree(made, HERE / str(FORMAT) / name)
            blocks[name] = checked.cls(checked.config, checked.spec)
            blocks[name].load(Path(made))
    (HERE / str(FORMAT) / "expected.json").write_text(json.dumps(answers(**blocks), indent=1) + "\n")


if __name__ == "__main__":
    main()
