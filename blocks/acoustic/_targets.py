"""What a voice does with its phones, from recordings: how long, how high and how loud (NumPy).

Axes: N phones, T frames, M mels.
"""

import numpy as np

from blocks.acoustic.schema import TrainItem
from blocks.base import BadItem
from blocks.common.moments import Moments
from blocks.common.prosody import phone_energy, phone_pitch


def check_controls(durations: np.ndarray, phones: int, frames: int | None = None) -> None:
    """Raise BadItem where durations do not fit the phones, or the frames of a recording."""
    if len(durations) != phones:
        raise BadItem(f"{len(durations)} durations for {phones} phones, want one each")
    if durations.min() < 0 or durations.sum() == 0:
        raise BadItem(f"durations {durations.tolist()[:20]}, want none negative and one frame in all at least")
    if frames is not None and durations.sum() != frames:
        raise BadItem(f"the durations sum to {durations.sum()} frames, but the log-mel has {frames}: want as many")


def of_phones(item: TrainItem, pitch: bool, energy: bool) -> dict[str, np.ndarray]:
    """`durations` int64 (N), and where they are wanted `pitch` (N) in Hz and `energy` (N) in dB; nothing without durations."""
    if item.durations is None:
        return {}
    made = {"durations": item.durations.astype(np.int64)}
    if pitch:
        made["pitch"] = phone_pitch(item.pitch, item.durations)
    if energy:
        made["energy"] = phone_energy(item.energy, item.durations)
    return made


class Measures:
    """Means and deviations over all items."""

    def __init__(self):
        self.mel, self.pitch, self.energy = Moments(), Moments(), Moments()
        self.phones = self.frames = self.longest = 0

    def add(self, item: TrainItem, targets: dict[str, np.ndarray]) -> None:
        self.mel.add(item.log_mel)
        if "pitch" in targets:
            self.pitch.add(np.log(targets["pitch"][targets["pitch"] > 0])[:, None])
        if "energy" in targets:
            self.energy.add(targets["energy"][:, None])
        self.phones += len(item.phones)
        self.frames += len(item.log_mel)
        self.longest = max(self.longest, int(targets["durations"].max()) if targets else 0)

    def buffers(self) -> dict[str, np.ndarray]:
        """By the names of the networks' buffers, float32."""
        made = {"frames_per_phone": self.frames / self.phones, "longest": self.longest}
        for name in ("mel", "pitch", "energy"):
            moments = getattr(self, name)
            if moments.count:
                made |= {f"{name}_mean": moments.mean, f"{name}_std": moments.std}
        return {name: np.asarray(value, np.float32) for name, value in made.items()}
