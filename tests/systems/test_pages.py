"""The pages of systems are headed alike, so that a reader of one finds his way in all."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SYSTEMS = (
    "distribution_augmentation", "flow_conversion", "prosody_transfer", "style_transfer", "universal_vocoder", "utaco", "voice_filter",
)  # fmt: skip
HEADINGS = {
    "What it is for",
    "One command",
    "Train on your own data",
    "Judged",
    "The paper's claims",
    "What it does badly",
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_page_has_the_headings_of_all(system):
    found = re.findall(r"(?m)^## (.*)$", (DOCS / f"{system}.md").read_text(encoding="utf-8"))
    assert set(found) - {"How it works"} == HEADINGS
    assert found[:3] == ["What it is for", "One command", "Train on your own data"]
    assert found[-1] == "What it does badly"
