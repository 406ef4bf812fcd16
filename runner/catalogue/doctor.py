"""`voxblocks doctor`: what this machine has and lacks, said before a run does."""

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from blocks.load import missing
from runner.store.formats import versions


def examine(graphs: list, store: str) -> tuple[list[str], bool]:
    """Lines to print, and whether nothing is missing for the given checked graphs."""
    lines = [f"{name} {version}" for name, version in versions().items()]
    lines.append(f"{platform.platform()}, {os.cpu_count()} cores")
    for tool, use in {
        "apt-get": "fetching packaged corpora",
        "dpkg-deb": "unpacking packaged corpora",
        "chromium": "the report's browser test",
        "espeak-ng": "the engine espeak of text.phones, peer.espeak and peer.piper",
        "flite": "peer.flite",
    }.items():
        found = shutil.which(tool)
        lines.append(f"{tool}: {'found' if found else f'not found (used for {use})'}")
    lines += [_half_precision(), _gpus(), _room(store)]
    sound = True
    for checked in graphs:
        for name, node in checked.nodes.items():
            if node.cls and (absent := missing(node.cls)):
                sound = False
                lines.append(
                    f"{node.node.place}: {name} ({node.node.block}) lacks {', '.join(absent)}: {install(node.cls)}"
                )
    if graphs and sound:
        lines.append(f"every block of {', '.join(str(checked.graph.file) for checked in graphs)} can run here")
    return lines, sound


def install(cls) -> str:
    """The command that installs what a block needs."""
    extra = f"[{cls.extra}]" if cls.extra else ""
    return f"{Path(sys.executable).name} -m pip install 'voxblocks{extra}'"


def _half_precision() -> str:
    """Whether products of bfloat16 are quicker here than those of float32, by what the processor says of itself."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return "precision: bfloat16: this system does not tell whether its processor gains by it"
    units = [name for flag, name in {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}.items() if flag in flags]
    gain = f"gains (the processor has {' and '.join(units)})" if units else "loses (the processor has no unit for it)"
    return f"precision: bfloat16: training in torch {gain}"


def _gpus() -> str:
    if importlib.util.find_spec("torch") is None:
        return "GPUs: not known without torch"
    import torch

    found = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"GPUs: {', '.join(found) or 'none that torch sees; nodes with `gpus` compute on the processor in process'}"


def _room(store: str) -> str:
    if "://" in store:
        return f"store {store}: free space not known for a URL"
    place = Path(store)
    while not place.exists():
        place = place.parent
    return f"store {store}: {shutil.disk_usage(place).free / 1e9:.0f} GB free"
