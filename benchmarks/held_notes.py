"""What the universal vocoder makes of notes of five seconds, from E2 to A5: a vowel of `pretrained/allison`, sung by WORLD, and copied.

    python benchmarks/held_notes.py [--quick]

For each note: frames within 50 cents and median cents away, of what WORLD sang and of what the vocoder made of its mel.
"""

import argparse
from pathlib import Path

import numpy as np

from blocks.acoustic.schema import Controlled
from blocks.arrays import Note
from blocks.common.mel import log_mel
from blocks.effect.speech_to_singing import In
from blocks.load import find, restore
from blocks.metric._notes import Sung
from blocks.vocoder.schema import Spectral

PRETRAINED = Path(__file__).parents[1] / "pretrained"
KEYS = range(40, 82, 4)  # E2 to E5, and A5 below


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two notes: to see that it runs")
    quick = parser.parse_args().quick
    speaker, vocoder = restore(PRETRAINED / "allison"), restore(PRETRAINED / "universal_vocoder")
    spec = speaker.spec
    phones = ("sil", "l", "ˈɑ", ".")
    (line,) = speaker.apply([Controlled(phones=phones, globals={"speaker": "allison"})])
    (spoken,) = vocoder.apply([Spectral(log_mel=line.log_mel)])
    sing = find("effect.speech_to_singing")
    sing = sing(sing.Config(vibrato_cents=0), spec)
    judge = find("metric.note_pitch")
    judge = judge(judge.Config(), spec)
    for key in (KEYS[0], 81) if quick else (*KEYS, 81):
        notes = (Note(key=None, seconds=0.3), Note(key=float(key), seconds=5.0), Note(key=None, seconds=0.3))
        item = In(
            id=str(key),
            wave=spoken.wave,
            spoken=line.durations,
            notes=notes,
            phones=("sil", "l", "ˈɑ", "sil"),
            note_of_phone=np.array([0, 1, 1, 2], np.int32),
            spoken_phone=np.array([-1, 1, 2, -1], np.int32),
            durations=np.array([18, 6, 400, 24], np.int32),
        )
        (sung,) = sing.apply([item])
        (copied,) = vocoder.apply([Spectral(log_mel=log_mel(sung.wave, spec))])
        judged = judge.apply([Sung(prediction=wave, notes=notes) for wave in (sung.wave, copied.wave)])
        print(
            key,
            *(f"{each.near:5.1f} % {each.cents:5.1f} cents, voiced {each.voiced:5.1f} %" for each in judged),
            sep=" | ",
            flush=True,
        )


if __name__ == "__main__":
    main()
