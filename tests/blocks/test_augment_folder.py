"""`graphs/augment_folder.yaml` does a user's job: a folder of recordings with texts comes back with more sentences."""

import ast
import csv
import re
from itertools import islice
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from blocks.common import textgrid
from blocks.corpus.asterisk import Asterisk, Config
from blocks.spec import preset
from runner.cli import app

GRAPH = Path(__file__).parents[2] / "graphs" / "augment_folder.yaml"
PAGE = GRAPH.parents[1] / "docs" / "distribution_augmentation.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty recordings as LJSpeech has them."""
    spec = preset("vox_16k")
    source = Asterisk(Config(languages=("en",)), spec)
    source.fetch()
    long = (row for row in source.read() if hasattr(row, "wave") and 5 <= len(row.text.split()) <= 12)
    folder = tmp_path_factory.mktemp("mine")
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for number, row in enumerate(islice(long, 20)):
        soundfile.write(folder / "wavs" / f"u{number:02d}.wav", row.wave, spec.sample_rate)
        lines.append(f"u{number:02d}|{row.text}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_folder_comes_back_with_more_sentences_and_every_join_marked(folder, tmp_path):
    out = tmp_path / "more"
    asked = ["run", str(GRAPH), "--until", "spliced", "--set", f"source.path={folder}", "--set", "timing.max_steps=40"]
    page = tmp_path / "joins.html"
    kept = ["--store", str(tmp_path / "store"), "--out", str(out), "--report", str(page)]
    done = CliRunner().invoke(app, [*asked, *kept])
    assert done.exit_code == 0, done.output
    with (out / "metadata.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 20
    assert len({row["text"].casefold() for row in rows}) == len(rows), "no sentence twice"
    for row in rows:
        assert " -> " in row["swapped"]
        assert len(set(ast.literal_eval(row["parents"]))) == 2
        tiers = textgrid.read((out / row["file"]).with_suffix(".TextGrid"))
        joins = [one for one in tiers["joins"] if one.label]
        assert 1 <= len(joins) <= 2
        audio = soundfile.info(out / row["file"])
        assert abs(audio.duration - tiers["phones"][-1].end) < 1e-3
        assert " ".join(one.label for one in tiers["words"] if one.label) == row["text"]
    # the page plays each sentence with what was swapped, as it was said in either recording
    html = page.read_text()
    assert all(f"swap_sources.{name}" in html for name in ("replaced", "inserted"))
    assert html.count("<audio") == 6 * 3 + 6, "six sentences, and as many recordings as they are"
    again = ["report", str(GRAPH), "--set", f"source.path={folder}", "--set", "timing.max_steps=40", *kept[:2]]
    done = CliRunner().invoke(app, [*again, "--out", str(page), "--utterances", "2"])
    assert done.exit_code == 0, done.output
    assert page.read_text().count("<audio") == 3 + 1


def test_the_page_s_graph_trains_on_a_folder_of_one_s_own(folder, tmp_path):
    (graph,) = re.findall(r"```yaml\n# graphs/mine.yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    graph = graph.replace("base: ", f"base: {GRAPH.parent}/").replace("FOLDER", str(folder))
    graph += "  speech: {where: {drawn.share: {max: 1}}}\n"
    (tmp_path / "pretrained").symlink_to(GRAPH.parents[1] / "pretrained")
    mine = tmp_path / "graphs" / "mine.yaml"
    mine.parent.mkdir()
    mine.write_text(graph)
    asked = ["run", str(mine), "--size", "tiny", "--store", str(tmp_path / "store")]
    done = CliRunner().invoke(app, [*asked, "--to-nodes", "recorded_contexts,spliced_contexts,attention_tagged_mel"])
    assert done.exit_code == 0, done.output
    before, after = (re.search(rf"{name}_contexts: .*trigrams (\d+)", done.output) for name in ("recorded", "spliced"))
    assert int(before[1]) < int(after[1])
