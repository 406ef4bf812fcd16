"""A spoken recording as if it were sung from a score: speech-to-singing conversion by WORLD (Saitou et al. 2007).

The spectra of each phone are spread over the time that it is sung, vowels stretched in their middle, and the pitch is that of the
notes: it glides from one to the next (a critically damped lag), drifts a little, and has vibrato on long notes after a delay. Each
singer has habits (a vibrato of nearly one rate, begun on the note's clock), so that it can be learnt when it comes. Saitou's
overshoot, preparation and singer's formant are left out. This makes a corpus to learn from, and is said to be made: it tells nothing of how singers sing.

Axes: N phones as sung, T frames of the spec, A frames of the analysis, G the same of what is sung.
"""

import zlib
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat

from blocks.arrays import Durations, Id, NoteOfPhone, Notes, Phones, Pitch, Seconds, SpokenPhone, Wave, apart
from blocks.base import BadItem, Failure, Mapper, Schema
from blocks.common import world
from blocks.common.items import each
from blocks.common.pitch import PitchRange
from blocks.common.singing import is_nucleus

PERIOD_S = 0.005  # of WORLD


class Config(PitchRange):
    glide_s: PositiveFloat = 0.03  # time constant, twice, from note to note
    drift_cents: NonNegativeFloat = 8.0  # standard deviation, slow
    vibrato_from_s: PositiveFloat = 0.5  # notes at least as long have one
    vibrato_delay_s: NonNegativeFloat = 0.25  # into the note; then it grows as long again
    vibrato_hz: PositiveFloat = 5.5
    vibrato_cents: NonNegativeFloat = 60.0  # to either side; drawn from 0.7 to 1.3 times as much for each note
    edge_s: NonNegativeFloat = 0.05  # at both ends of a vowel that are as spoken
    even: Annotated[float, Field(ge=0, le=1)] = 0.7  # how far vowels are brought to one level


class In(Schema):
    id: Id
    wave: Wave
    spoken: apart(Durations, "spoken")  # frames of the phones as spoken
    notes: Notes
    phones: Phones
    note_of_phone: NoteOfPhone
    spoken_phone: SpokenPhone
    durations: Durations  # as they are to be sung


class Sung(Schema):
    wave: Wave
    pitch: Pitch  # as it was drawn, 0 where unvoiced
    seconds: Seconds


class SpeechToSinging(Mapper[Config]):
    tiny = Config()
    paper = "Saitou et al. 2007 (Speech-to-singing synthesis); Morise et al. 2016 (WORLD)"
    needs = ("pyworld",)
    extra = "audio"
    stochastic = True

    def apply(self, items: list[In]) -> list[Sung | Failure]:
        return each(self._one, items)

    def _one(self, item: In) -> Sung:
        if len(item.durations) != len(item.phones) or len(item.spoken) <= int(item.spoken_phone.max(initial=-1)):
            raise BadItem(f"{len(item.durations)} durations for {len(item.phones)} phones, want one each")
        rng = np.random.default_rng([self.seed, zlib.crc32(item.id.encode())])
        rate, hop_s = self.spec.sample_rate, self.spec.hop_length / self.spec.sample_rate
        voice = world.analyse(item.wave, rate, self.config, 1000 * PERIOD_S, "dio")
        frames = int(item.durations.sum())
        samples = self.spec.samples(frames)
        times_G = np.arange(int(samples / rate / PERIOD_S) + 1) * PERIOD_S
        source_G, rest_G = self._source(item, voice.pitch > 0, times_G, hop_s)
        low, part = np.floor(source_G).astype(int), source_G % 1
        high = np.minimum(low + 1, len(voice.pitch) - 1)
        level_A = np.log(np.maximum(voice.envelope, 1e-16))
        envelope = np.exp((1 - part)[:, None] * level_A[low] + part[:, None] * level_A[high])
        aperiodicity = (1 - part)[:, None] * voice.aperiodicity[low] + part[:, None] * voice.aperiodicity[high]
        envelope *= self._gains(item, envelope, rest_G, times_G, hop_s)[:, None]
        drawn_G = self._pitch(item, times_G, rng)
        voiced_G = (voice.pitch[np.rint(source_G).astype(int)] > 0) & ~rest_G
        sung = world.Voice(np.where(voiced_G, drawn_G, 0.0), np.maximum(envelope, 1e-16), aperiodicity, 1000 * PERIOD_S)
        wave = world.synthesise(sung, rate, samples)
        if (peak := np.abs(wave).max()) > 0.95:
            wave = (wave * (0.95 / peak)).astype(np.float32)
        at_T = np.minimum(np.rint(self.spec.frame_times(frames) / PERIOD_S).astype(int), len(times_G) - 1)
        return Sung(wave=wave, pitch=sung.pitch[at_T].astype(np.float32), seconds=samples / rate)

    def _source(
        self, item: In, voiced_A: np.ndarray, times_G: np.ndarray, hop_s: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of each frame where in the analysis it comes from (G,), and whether it is a rest."""
        ends_spoken = np.cumsum(item.spoken) * hop_s / PERIOD_S
        ends = np.cumsum(item.durations) * hop_s
        made, rest = np.zeros(len(times_G)), np.ones(len(times_G), bool)
        n = 0
        while n < len(item.phones):
            spoken, last = item.spoken_phone[n], n
            while spoken >= 0 and last + 1 < len(item.phones) and item.spoken_phone[last + 1] == spoken:
                last += 1  # a melisma is one long vowel
            start, end = (ends[n - 1] if n else 0.0), ends[last]
            inside = (times_G >= start) & (times_G < end)
            if spoken >= 0:
                first, stop = (ends_spoken[spoken - 1] if spoken else 0.0), ends_spoken[spoken]
                if is_nucleus(item.phones[n]):
                    first, stop = _voiced(voiced_A, first, stop)
                edge = min(self.config.edge_s / PERIOD_S, 0.3 * (stop - first), 0.3 * (end - start) / PERIOD_S)
                corners = [0.0, edge * PERIOD_S, (end - start) - edge * PERIOD_S, end - start]
                made[inside] = np.interp(times_G[inside] - start, corners, [first, first + edge, stop - edge, stop])
                rest[inside] = False
            n = last + 1
        return np.clip(made, 0, len(voiced_A) - 1), rest

    def _gains(self, item: In, envelope, rest_G, times_G, hop_s) -> np.ndarray:
        """Of power (G,): vowels nearer to one level, rests silent, and no steps between."""
        from scipy.ndimage import gaussian_filter1d

        ends = np.cumsum(item.durations) * hop_s
        levels = np.log(envelope.mean(1))
        wanted, spans = np.zeros(len(times_G)), []
        for n, phone in enumerate(item.phones):
            if item.spoken_phone[n] >= 0 and is_nucleus(phone):
                inside = (times_G >= (ends[n - 1] if n else 0.0)) & (times_G < ends[n])
                if inside.any():
                    spans.append((inside, float(np.median(levels[inside]))))
        if spans:
            middle = float(np.median([level for _, level in spans]))
            centres = [float(times_G[inside].mean()) for inside, _ in spans]
            wanted = np.interp(times_G, centres, [self.config.even * (middle - level) for _, level in spans])
        smooth = gaussian_filter1d(np.where(rest_G, -14.0, 0.0), 3.0, mode="nearest")
        return np.exp(np.clip(wanted, -3, 3) + smooth)

    def _pitch(self, item: In, times_G: np.ndarray, rng) -> np.ndarray:
        """In Hz (G,): defined everywhere."""
        from scipy.ndimage import gaussian_filter1d
        from scipy.signal import lfilter

        config = self.config
        ends = np.cumsum([note.seconds for note in item.notes])
        keys = np.array([np.nan if note.key is None else note.key for note in item.notes])
        known = np.flatnonzero(~np.isnan(keys))
        if not len(known):
            raise BadItem("no note to sing, only rests")
        # a rest has the pitch of the note that comes: a singer gets ready for it
        ready = known[np.minimum(np.searchsorted(known, np.arange(len(keys))), len(known) - 1)]
        which_G = np.minimum(np.searchsorted(ends, times_G, side="right"), len(keys) - 1)
        target = keys[ready][which_G]
        pole = np.exp(-PERIOD_S / config.glide_s)
        gain, poles = np.array([(1 - pole) ** 2]), np.array([1, -2 * pole, pole**2])
        shift = 2 * int(config.glide_s / PERIOD_S)  # the middle of the glide is on the beat
        ahead = np.concatenate([target[shift:], np.full(shift, target[-1])]) - target[0]
        curve = target[0] + lfilter(gain, poles, ahead)
        noise = gaussian_filter1d(rng.standard_normal(len(times_G)), 0.15 / PERIOD_S, mode="wrap")
        curve += config.drift_cents / 100 * noise / max(noise.std(), 1e-9)
        starts = ends - [note.seconds for note in item.notes]
        for n, note in enumerate(item.notes):
            if note.key is None or note.seconds < config.vibrato_from_s:
                continue
            depth = config.vibrato_cents / 100 * rng.uniform(0.7, 1.3)
            hz = config.vibrato_hz * rng.uniform(0.98, 1.02)
            since = times_G - starts[n] - config.vibrato_delay_s
            grown = np.clip(since / max(config.vibrato_delay_s, PERIOD_S), 0, 1) * np.clip(
                (ends[n] - times_G) / 0.08, 0, 1
            )
            curve += np.where(which_G == n, depth * grown * np.sin(2 * np.pi * hz * since), 0.0)
        return 440 * 2 ** ((curve - 69) / 12)


def _voiced(voiced_A: np.ndarray, first: float, stop: float) -> tuple[float, float]:
    """The longest voiced stretch between two places; all of it where nothing is voiced."""
    a, b = int(first), max(int(first) + 1, int(stop))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced_A[a:b].astype(int), [0]])))
    if not len(edges):
        return first, stop
    begin, end = max(zip(edges[::2], edges[1::2]), key=lambda run: run[1] - run[0])
    return float(a + begin), float(a + end - 1)
