"""What is shipped: complete, restorable, judged, and silent about the machine that made it."""

import re
from pathlib import Path

import pytest

from blocks.load import restore
from runner.store.artifact import read_artifact

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(ROOT.glob("pretrained/*"))
GRAPHS = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("graphs/*.yaml"))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_artifact_is_whole_and_its_card_is_judged(folder):
    about = read_artifact(folder)  # every file is there, with the hash it should have
    assert about["licences"]
    restore(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    for heading in ("## Data", "## Judged", "## Known limits"):
        assert f"\n{heading}\n" in card
    texts = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir() if path.suffix in (".md", ".json"))
    assert not re.search(r"/(home|tmp|work|root|Users)/", texts)
    assert f"../pretrained/{folder.name}" in GRAPHS, "no graph uses it"
