"""What the metrics of singing say of tones whose pitch, vibrato and time are known."""

import numpy as np
import pytest

from blocks.arrays import Note
from blocks.base import Failure
from blocks.metric import note_onset, note_pitch, vibrato
from blocks.metric._notes import Sung
from blocks.spec import AudioSpec

SPEC = AudioSpec()
NOTES = tuple(
    Note(key=key, seconds=seconds) for key, seconds in ((None, 0.3), (60, 1.0), (64, 0.8), (62, 0.3), (None, 0.3))
)


def tone(cents=0.0, wave_cents=0.0, late_s=0.0, voiced=True):
    """The notes as a buzz, all of them `cents` too high, with a vibrato of 6 Hz, `late_s` behind the score."""
    t = np.arange(int(sum(note.seconds for note in NOTES) * 16000)) / 16000
    ends = np.cumsum([note.seconds for note in NOTES]) + late_s
    which = np.minimum(np.searchsorted(ends, t, side="right"), len(NOTES) - 1)
    keys = np.array([note.key or 0 for note in NOTES])[which] + (cents + wave_cents * np.sin(2 * np.pi * 6 * t)) / 100
    phase = 2 * np.pi * np.cumsum(440 * 2 ** ((keys - 69) / 12)) / 16000
    wave = sum(np.sin(k * phase) / k for k in range(1, 8)) * (which > 0) * (which < 4)
    return (0.2 * wave * voiced + 1e-4 * np.random.default_rng(0).standard_normal(len(t))).astype(np.float32)


def judged(block, wave, notes=NOTES, **config):
    (made,) = block(block.Config(**config), SPEC).apply([Sung(prediction=wave, notes=notes)])
    return made


def test_in_tune_and_out_of_tune():
    right = judged(note_pitch.NotePitch, tone())
    assert right.near > 99
    assert right.cents < 5
    assert right.voiced > 95
    high = judged(note_pitch.NotePitch, tone(cents=80))
    assert high.near < 2
    assert high.offset_cents == pytest.approx(80, abs=5)
    nothing = judged(note_pitch.NotePitch, tone(voiced=False))
    assert (nothing.near, nothing.cents, nothing.voiced) == (0, 700, 0)


def test_a_note_is_judged_where_the_durations_say_it_is_sung():
    phones, of = ("sil", "ɑ", "ɑ", "ɑ", "sil"), np.arange(5, dtype=np.int32)
    wave = tone(late_s=0.25)
    said = np.array([44, 80, 64, 24, 4], np.int32)  # as late as it is, in frames of 12.5 ms
    block = note_pitch.NotePitch(note_pitch.Config(middle=1.0), SPEC)
    told, blind = block.apply(
        [
            Sung(prediction=wave, notes=NOTES, phones=phones, note_of_phone=of, durations=said),
            Sung(prediction=wave, notes=NOTES),
        ]
    )
    assert told.near > 90 > blind.near
    (row,) = block.apply([Sung(prediction=wave, notes=NOTES, durations=said)])
    assert isinstance(row, Failure)
    assert "want phones and note_of_phone" in row.reason


def test_vibrato_is_found_where_it_is():
    waving = judged(vibrato.Vibrato, tone(wave_cents=60))
    assert (waving.vibrato, waving.rate_hz) == (100, pytest.approx(6, abs=0.2))
    assert waving.extent_cents == pytest.approx(60, rel=0.15)
    assert judged(vibrato.Vibrato, tone()).vibrato == judged(vibrato.Vibrato, tone(voiced=False)).vibrato == 0
    assert "no note of 2 to 60 s" in judged(vibrato.Vibrato, tone(), min_s=2.0).reason


def test_onsets_are_heard_as_late_as_they_are():
    on_time = judged(note_onset.NoteOnset, tone())
    assert on_time.onset_ms < 15
    assert on_time.missed == 0
    assert on_time.length_off < 0.1
    assert judged(note_onset.NoteOnset, tone(late_s=0.1)).late_ms == pytest.approx(100, abs=15)
    same = tuple(note.model_copy(update={"key": 60.0 if note.key else None}) for note in NOTES)
    assert judged(note_onset.NoteOnset, tone(voiced=False)).missed == 100
    assert "no change of note" in judged(note_onset.NoteOnset, tone(), same).reason
