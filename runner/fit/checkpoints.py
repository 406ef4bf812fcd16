"""Checkpoints of one training: complete or absent, the last two and the best kept, each found by its step."""

import json
from dataclasses import dataclass
from typing import Any

from runner.fit.trees import pack, restore
from runner.store.files import Files

KEPT = 2  # besides the best: one may turn out to be of a run that went wrong
FORMAT = 1


@dataclass
class Checkpoints:
    """In the folder `fits/<digest>` of a store."""

    files: Files
    folder: str

    def steps(self) -> list[int]:
        """Steps of the complete ones, ascending."""
        names = (info.base_name for info in self.files.listed(self.folder) if info.base_name.startswith("step-"))
        return sorted(
            int(name[5:]) for name in names if self.files.size(f"{self.folder}/{name}/state.json") is not None
        )

    def best(self) -> dict | None:
        """``{"step", "score"}`` of the best validation, if its checkpoint is there."""
        found = self.files.read_json(f"{self.folder}/best.json")
        return found if found and found["step"] in self.steps() else None

    def save(self, step: int, parts: dict[str, Any], facts: dict) -> None:
        """Write a checkpoint; `facts` is JSON that comes back with it. An error leaves the older ones as they are."""
        from safetensors.numpy import save

        at = self._at(step)
        structures = {}
        for name, part in parts.items():
            structures[name], arrays = pack(part)
            with self.files.new(f"{at}/{name}.safetensors") as stream:
                stream.write(save(arrays))
        self.files.write_json(f"{at}/state.json", {"format": FORMAT, "step": step, "parts": structures, "facts": facts})

    def load(self, step: int, parts: dict[str, Any]) -> tuple[dict[str, Any], dict]:
        """The parts restored, and the facts. Raises ValueError where the checkpoint holds other parts."""
        from safetensors.numpy import load

        at = self._at(step)
        found = json.loads(self.files.read(f"{at}/state.json"))
        if found["format"] != FORMAT:
            raise ValueError(f"{self.files.at(at)}: format {found['format']}, want {FORMAT}")
        if found["parts"].keys() != parts.keys():
            raise ValueError(
                f"{self.files.at(at)} holds {', '.join(found['parts'])}, but the training has {', '.join(parts)}"
            )
        restored = {}
        for name, part in parts.items():
            arrays = load(self.files.read(f"{at}/{name}.safetensors"))
            restored[name] = restore(part, found["parts"][name], arrays, f"{name} ({self.files.at(at)})")
        return restored, found["facts"]

    def mark_best(self, step: int, score: float) -> None:
        self.files.write_json(f"{self.folder}/best.json", {"step": step, "score": score})

    def prune(self) -> None:
        """Remove all but the last few and the best."""
        steps, best = self.steps(), self.best()
        for step in steps[:-KEPT]:
            if not best or step != best["step"]:
                self.files.delete(f"{self._at(step)}/state.json")  # first: what is left is no checkpoint
                self.files.delete_folder(self._at(step))

    def _at(self, step: int) -> str:
        return f"{self.folder}/step-{step:08d}"
