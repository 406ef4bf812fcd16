"""`vocoder.rnn_ms` in use: waves drawn sample after sample, recordings judged; compiled for few shapes, whatever the length.

What one sample needs is two recurrent and two linear products, weight first. All else is done before: the embedding is a
table of gates, what the log-mel says to them is multiplied out once a row, and chance is one number a sample, from the
item's own seed.
Axes: R rows, C conditioning, G gates, H hidden, L linear, K classes, n its root, B streams, S samples.
"""

import hashlib
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from blocks.common.mel import mel_power
from blocks.spec import AudioSpec
from blocks.training import bucket
from blocks.vocoder.rnn_ms import samples
from blocks.vocoder.rnn_ms.cost import nats
from blocks.vocoder.rnn_ms.gru import gru, step
from blocks.vocoder.rnn_ms.net import Net

ROWS = 16  # to a call
JUDGED = 8  # recordings judged at once


class Synthesiser:
    """A trained network, ready to speak. `speak` and `judge` give waves with the bits a sample they cost."""

    def __init__(self, net: Net, variables: dict, config, spec: AudioSpec, seed: int):
        self.net, self.config, self.spec, self.seed = net, config, spec, seed
        self.variables, self.weights = jax.device_put((variables, folded(variables["params"], net.embedding)))

    # ---- speaking ----

    def speak(self, log_mel: np.ndarray) -> tuple[np.ndarray, float]:
        """float32 (samples,): drawn from the model; the same for the same log-mel and seed, whatever else is spoken."""
        hop, rows = self.spec.hop_length, samples.Rows.of(self.spec, len(log_mel))
        rng = np.random.default_rng(_seed_of(log_mel, self.seed))
        known_RC, sharp_R = self._condition(log_mel, rows), self._sharpness(log_mel)[rows.frame_R]
        pieces, overlap = self._pieces(log_mel[rows.frame_R])
        whole, faded = np.zeros(len(rows.frame_R) * hop), _fade(overlap * hop)
        bits = []
        groups, streams = self._together(pieces)
        for some in groups:
            codes, cost = self._draw(some, streams, known_RC, sharp_R, rng)
            for (begin, end), piece, costs in zip(some, codes, cost):
                wave = samples.decode(piece, self.net.classes).astype(np.float64)
                if begin:
                    wave[: len(faded)] *= faded
                if end < len(rows.frame_R):
                    wave[len(wave) - len(faded) :] *= faded[::-1]
                whole[begin * hop : end * hop] += wave
                bits.append(costs)
        wave = whole[rows.skip : rows.skip + rows.samples].astype(np.float32)
        return np.clip(wave, -1, 1), float(np.concatenate(bits).mean() / np.log(2))

    def _draw(self, pieces, streams, known_RC, sharp_R, rng) -> tuple[list, list]:
        """Codes and nats of pieces (first row, row after the last), drawn side by side."""
        hop = self.spec.hop_length
        longest = max(end - begin for begin, end in pieces)
        row_RB = np.zeros((-(-longest // ROWS) * ROWS, streams), np.int64)
        for at, (begin, end) in enumerate(pieces):
            row_RB[:, at] = np.minimum(begin + np.arange(len(row_RB)), end - 1)
        chance = rng.random((len(pieces), len(row_RB) * hop), np.float32).T
        chance_SB = np.pad(chance, ((0, 0), (0, streams - len(pieces)))).reshape(len(row_RB), hop, streams)
        state = self._silent(streams)
        codes, cost = [], []
        for at in range(0, len(row_RB), ROWS):
            now = slice(at, at + ROWS)
            known_RCB = known_RC[row_RB[now]].swapaxes(1, 2)
            state, made = draw(self.weights, state, known_RCB, sharp_R[row_RB[now]], chance_SB[now])
            codes.append(np.asarray(made[0])), cost.append(np.asarray(made[1]))
        codes, cost = np.concatenate(codes), np.concatenate(cost)
        ends = [(end - begin) * hop for begin, end in pieces]
        return [codes[:end, at] for at, end in enumerate(ends)], [cost[:end, at] for at, end in enumerate(ends)]

    def _together(self, pieces: list) -> tuple[list[list], int]:
        """Pieces in groups, and how many streams draw a group: few numbers, of which each is a shape to compile."""
        most = self.config.fold.streams if self.config.fold else 1
        groups = [pieces[at : at + most] for at in range(0, len(pieces), most)]
        return groups, most if len(groups) > 1 else min(most, 1 << (len(pieces) - 1).bit_length())

    def _silent(self, streams: int):
        state = np.zeros((self.net.hidden, streams), np.float32)
        return jax.device_put((state, np.full(streams, samples.silence(self.net.classes), np.int32)))

    def _pieces(self, mel_RM: np.ndarray) -> tuple[list[tuple[int, int]], int]:
        """(first row, row after the last) of what is drawn apart, and how many rows two have in common."""
        if not (fold := self.config.fold):
            return [(0, len(mel_RM))], 0
        rate = self.spec.frame_rate
        overlap = max(1, round(fold.overlap_s * rate))
        most = max(2 * overlap + 2, round(fold.segment_s * rate))
        return cut(mel_RM.mean(axis=1), most, overlap), overlap

    def _sharpness(self, log_mel: np.ndarray) -> np.ndarray:
        """float32 (T,): what logits are multiplied with, more than 1 where a frame is quiet and its temperature low."""
        level = 20 / self.spec.power * np.log10(mel_power(log_mel, self.spec).mean(axis=1) + 1e-20)
        quiet = level < level.max() - self.config.quiet_db
        return np.where(quiet, 1 / self.config.temperature, 1).astype(np.float32)

    # ---- judging ----

    def judge(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, float]]:
        """Recordings as the mu-law keeps them, and the bits a sample they cost."""
        made = {}
        order = sorted(range(len(pairs)), key=lambda index: len(pairs[index][0]))
        for at in range(0, len(order), JUDGED):
            some = order[at : at + JUDGED]
            made.update(zip(some, self._judge([pairs[index] for index in some])))
        return [made[index] for index in range(len(pairs))]

    def _judge(self, pairs):
        hop, rows = self.spec.hop_length, [samples.Rows.of(self.spec, len(mel)) for mel, _ in pairs]
        longest = -(-max(len(one.frame_R) for one in rows) // ROWS) * ROWS
        known_RCB = np.zeros((longest, 2 * self.net.conditioning, JUDGED), np.float32)
        codes_SB = np.full((longest * hop + 1, JUDGED), samples.silence(self.net.classes), np.int32)
        for at, (one, (mel, wave)) in enumerate(zip(rows, pairs)):
            known_RCB[: len(one.frame_R), :, at] = self._condition(mel, one)
            codes = one.codes(wave, hop, self.net.classes)
            codes_SB[: len(codes), at] = codes
        state, cost = self._silent(JUDGED)[0], []
        for at in range(0, longest, ROWS):
            window_SB = codes_SB[at * hop : (at + ROWS) * hop + 1]
            before, after = (part.reshape(ROWS, hop, JUDGED) for part in (window_SB[:-1], window_SB[1:]))
            state, made = judge(self.weights, state, known_RCB[at : at + ROWS], before, after)
            cost.append(np.asarray(made))
        cost_SB = np.concatenate(cost)
        for at, one in enumerate(rows):
            real = slice(one.skip, one.skip + one.samples)
            wave = samples.decode(codes_SB[1:][real, at], self.net.classes)
            yield wave, float(cost_SB[real, at].mean(dtype=np.float64) / np.log(2))

    # ---- what both need ----

    def _condition(self, log_mel: np.ndarray, rows: samples.Rows) -> np.ndarray:
        """float32 (R, C): what is known of each row."""
        count = len(rows.frame_R)
        mel = np.zeros((1, bucket(count), self.spec.n_mels), np.float32)
        mel[0, :count] = log_mel[rows.frame_R]
        return np.asarray(condition(self.net, self.variables, mel, np.arange(mel.shape[1])[None] < count))[0, :count]

    def warm(self, frames: int, judged: bool) -> None:
        """Compile what `frames` frames need, without speaking them."""
        mel = np.zeros((frames, self.spec.n_mels), np.float32)
        rows = samples.Rows.of(self.spec, frames)
        known = self._condition(mel, rows)
        if judged:
            return self.judge([(mel[:1], np.zeros(self.spec.samples(1), np.float32))])
        pieces, _ = self._pieces(mel[rows.frame_R])
        self._draw(
            [(0, 1)], self._together(pieces)[1], known, self._sharpness(mel)[rows.frame_R], np.random.default_rng(0)
        )


def _seed_of(log_mel: np.ndarray, seed: int) -> list[int]:
    """From the item's own values: what is drawn for one does not depend on the others."""
    return [seed, int.from_bytes(hashlib.blake2b(np.ascontiguousarray(log_mel), digest_size=8).digest(), "big")]


def _fade(size: int) -> np.ndarray:
    """From 0 to 1; with its reverse it sums to 1."""
    return np.sin(np.pi / 2 * (np.arange(size) + 0.5) / max(size, 1)) ** 2


def cut(level_R: np.ndarray, most: int, overlap: int) -> list[tuple[int, int]]:
    """Pieces of at most `most` rows that overlap by `overlap`, cut in the last quarter of that where it is quietest."""
    begin, pieces = 0, []
    while len(level_R) - begin > most:
        first = begin + max(overlap + 1, (3 * most) // 4 - overlap)
        last = begin + most - overlap
        quiet = [level_R[at : at + overlap].mean() for at in range(first, last + 1)]
        next_begin = first + int(np.argmin(quiet))
        pieces.append((begin, next_begin + overlap))
        begin = next_begin
    return [*pieces, (begin, len(level_R))]


# ---- compiled ----


def folded(params: dict, embedding: int) -> dict:
    """The weights that a sample needs, weight first."""
    spoken = params["spoken"]
    into = np.asarray(spoken["into"])
    return {
        "table": np.asarray(params["embed"]) @ into[:embedding] + np.asarray(spoken["bias"]),
        "conditioning": into[embedding:].T,
        "over": spoken["over"],
        "inner": spoken["last"],
        "first": np.asarray(params["first"]["w"]).T,
        "first_bias": np.asarray(params["first"]["b"])[:, None],
        "last": np.asarray(params["last"]["w"]).T,
        "last_bias": np.asarray(params["last"]["b"])[:, None],
    }


@partial(jax.jit, static_argnums=0)
def condition(net: Net, variables: dict, mel_BRM, real_BR):
    return net.apply(variables, mel_BRM, real_BR, method="condition")


@jax.jit
def draw(w: dict, state, known_RCB, sharp_RB, chance_RHB):
    """Codes and nats (S, B) of `ROWS` rows, and the state after them."""

    def row(state, now):
        known_CB, sharp_B, chance_HB = now
        known_GB = w["conditioning"] @ known_CB

        def sample(state, chance_B):
            h_HB, code_B = state
            h_HB, _ = step(h_HB, w["table"][code_B].T + known_GB, w["over"], w["inner"])
            code_B, nats_B = chosen(sharp_B * logits(w, h_HB), chance_B)
            return (h_HB, code_B), (code_B, nats_B)

        return jax.lax.scan(sample, state, chance_HB)

    state, made = jax.lax.scan(row, state, (known_RCB, sharp_RB, chance_RHB))
    return state, jax.tree.map(lambda a: a.reshape(-1, a.shape[-1]), made)


def logits(w: dict, h_HB):
    """(K, B)"""
    return w["last"] @ jax.nn.relu(w["first"] @ h_HB + w["first_bias"]) + w["last_bias"]


def chosen(logits_KB, chance_B):
    """A class for each stream, drawn by chance in 0..1, and what it costs: the distribution's inverse in two levels."""
    K, B = logits_KB.shape
    n = int(np.sqrt(K))
    odds_nnB = jnp.exp(logits_KB - logits_KB.max(axis=0)).reshape(n, n, B)
    below = np.tri(n, dtype=np.float32)
    upto_nB = below @ odds_nnB.sum(axis=1)
    aim_B = chance_B * upto_nB[-1]
    major_B = (upto_nB[:-1] <= aim_B).sum(axis=0)
    here = jnp.arange(n)[:, None] == major_B
    some_nB = (odds_nnB * here[:, None]).sum(axis=0)
    fine_nB = below @ some_nB
    rest_B = aim_B - (upto_nB * (jnp.arange(n)[:, None] == major_B - 1)).sum(axis=0)
    rest_B = jnp.minimum(rest_B, fine_nB[-1] * (1 - 1e-6))  # rounding must not lead beyond the last class that may be
    minor_B = (fine_nB[:-1] <= rest_B).sum(axis=0)
    taken_B = (some_nB * (jnp.arange(n)[:, None] == minor_B)).sum(axis=0)
    return (major_B * n + minor_B).astype(jnp.int32), jnp.log(upto_nB[-1] / taken_B)


@jax.jit
def judge(w: dict, h_HB, known_RCB, before_RHB, after_RHB):
    """Nats (S, B) that each sample of `ROWS` rows costs after those before it, and the state after them."""

    def row(h_HB, now):
        known_CB, before, after = now
        known_GB = w["conditioning"] @ known_CB
        states = gru(w["table"][before].swapaxes(1, 2) + known_GB, w["over"], w["inner"], h_HB)
        S, H, B = states.shape
        x_NL = jax.nn.relu(states.swapaxes(1, 2).reshape(S * B, H) @ w["first"].T + w["first_bias"][:, 0])
        cost = nats(x_NL, w["last"].T, w["last_bias"][:, 0], after.reshape(-1))
        return states[-1], cost.reshape(S, B)

    h_HB, cost = jax.lax.scan(row, h_HB, (known_RCB, before_RHB, after_RHB))
    return h_HB, cost.reshape(-1, cost.shape[-1])
