"""Reports of small real runs: what they say, what they play, and that they stand alone."""

import base64
import io
import re
import struct
import tomllib
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from blocks.arrays import Note
from blocks.spec import AudioSpec
from runner.report import pictures
from runner.report.lineage import Lineage
from runner.report.page import command, duration, nested, number, scalar, write_report
from tests.runner.report_run import RATE, TEXTS, Page, run, run_tones, tone, write_corpus


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    return run_tones(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def html(tones, tmp_path_factory):
    store, record = tones
    svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"></svg>'
    return write_report(store, record, tmp_path_factory.mktemp("page") / "new" / "report.html", svg).read_text("utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def data_of(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


# ---- what it says ----


def test_the_score_table_holds_means_intervals_and_counts(page, tones):
    _, record = tones
    header, *rows = page.tables["scores"]
    assert header == ["System", "level ↓"]
    for (system, cell), mean in zip(rows, record["results"]["scores"]["means"]):
        assert system == mean["system"]
        low, high = (number(mean[end]) for end in ("low", "high"))
        assert cell == f"{number(mean['mean'])} [{low}, {high}] n {mean['n']}"
    assert next(cell for system, cell in rows if system == "soft").endswith("n 5")
    best = [value for tag, name, value in page.attributes if tag == "td" and name == "class" and "best" in value]
    assert len(best) == 1


def test_paired_differences_stand_below_the_scores(page, tones):
    wanted = tones[1]["results"]["scores"]["differences"]
    assert len(page.tables["differences"]) == 1 + len(wanted) == 4
    for row, difference in zip(page.tables["differences"][1:], wanted):
        assert row[:3] == ["level", difference["system"], difference["against"]]
        assert row[5] == f"{difference['p']:.3f}"
        assert row[6] == str(difference["n"])


def test_other_results_are_listed(page, tones):
    assert f"{tones[1]['results']['mean']['level']:.6g}" in page.texts["pairs"][0]


def test_results_of_any_shape_can_be_written():
    assert nested({"voice": np.zeros((2, 3))}) == '{\n "voice": "float64 array of 2 x 3"\n}'
    assert (nested(0.5), scalar(0.5), scalar("a"), scalar(np.zeros(3))) == ("", "0.5", "a", "float64 array of 3")


def test_every_node_has_its_row(page, tones):
    header, *rows = page.tables["nodes"]
    assert header[:6] == ["Node", "Verb", "Block", "State", "Rows", "Failed"]
    found = {row[0]: row for row in rows}
    assert list(found) == list(tones[1]["nodes"])
    assert found["soft"][1:6] == ["map", "toy.gain", "ran", "5", "1"]
    assert found["clip"][1:3] == ["pick", ""]
    assert found["soft"][9] == tones[1]["nodes"]["soft"]["digest"][:12]


def test_the_verdict_names_time_rows_and_failures(page):
    verdict = " ".join(page.texts["verdict"][0].split())
    assert verdict.startswith("Finished in ")
    assert "13 nodes: 13 made, 0 from the store 6 rows read 2 failures, 0 left out 2024-05-06 07:08:09 UTC" in verdict


def test_lost_rows_are_listed_by_node_with_reason_and_ids(page):
    reasons = [" ".join(text.split()) for text in page.texts["reasons"]]
    assert any(text.startswith("1 failed") and text.endswith("lost") and "lost.wav" in text for text in reasons)
    assert "1 failed told to be bad five" in reasons


def test_equal_kinds_of_reason_stand_together(tmp_path):
    graph = """
max_failed: 1
nodes:
  tone: {read: toy.tones, config: {count: 40, fail: [%s], skip: [3]}}
"""
    store, record = run(tmp_path, graph % ", ".join(map(str, range(10, 30))))
    found = Page(write_report(store, record, tmp_path / "r.html").read_text("utf-8"))
    failed, skipped = " ".join(found.texts["reasons"][0].split()).split(" 1 left out ")
    assert failed == (
        "20 failed told to fail tone0010, tone0011, tone0012, tone0013, tone0014, tone0015, tone0016, tone0017 and 12 more"
    )
    assert skipped == "told to be left out tone0003"


def test_names_and_texts_are_escaped(html, page):
    assert "alert(" not in html.replace("alert(&#34;no&#34;)", "")
    assert "<i>& " not in html
    assert [" ".join(text.split()) for text in page.texts["about"]] == ['Tones <i>& "quotes"</i>']
    assert {text.strip() for text in page.texts["text"]} == {TEXTS[name].strip() for name in TEXTS if name != "five"}
    assert ("p", "lang", "he") in page.attributes


def test_it_tells_how_to_run_it_again(page, tones):
    record = tones[1]
    assert page.texts["command"] == [f"voxblocks run {record['file']}"]
    assert command(record | {"command": "voxblocks run x --limit 3"}) == "voxblocks run x --limit 3"
    assert command(record | {"size": "small", "file": "a b.yaml"}) == "voxblocks run 'a b.yaml' --size small"
    fewer = {name: node for name, node in record["nodes"].items() if name != "mean"}
    assert command(record | {"nodes": fewer, "targets": ["scores"]}).endswith(" --to-nodes scores")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.14159, "3.14"),
        (-0.71, "\N{MINUS SIGN}0.710"),
        (0.0, "0.00"),
        (-1e-9, "0.000"),
        (1234.5, "1,234"),
        (None, "\N{EN DASH}"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_keep_about_four_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "0.25 s"), (12.34, "12.3 s"), (125, "2 min 05 s"), (7260, "2 h 01 min")]
)
def test_durations_are_in_words(seconds, text):
    assert duration(seconds) == text


# ---- it stands alone ----


def test_the_page_asks_for_nothing_outside_itself(html, page):
    links = [value for _, name, value in page.attributes if name in ("src", "href", "data-src", "srcset", "action")]
    assert links
    assert not [link for link in links if not link.startswith(("data:", "#"))]
    assert "url(" not in html
    assert "@import" not in html
    assert re.findall(r"https?://[^\"]+", html) == ["http://www.w3.org/2000/svg"]
    assert "<?xml" not in html


def test_it_appears_whole_or_not_at_all(tones, tmp_path):
    store, record = tones
    path = tmp_path / "report.html"
    path.write_text("older")
    broken = record | {"source": None}
    with pytest.raises(TypeError):
        write_report(store, broken, path)
    assert path.read_text() == "older"
    assert write_report(store, record, path, most=1) == path
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_the_installed_package_brings_its_templates():
    root = Path(__file__).parents[2]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
        "runner.report"
    ]
    needed = [path for path in (root / "runner" / "report").iterdir() if path.is_file() and path.suffix != ".py"]
    assert len(needed) >= 3
    assert not [path.name for path in needed if not any(path.match(pattern) for pattern in patterns)]


# ---- what one hears and sees ----


def test_each_utterance_is_there_from_every_system(page, tones):
    store, record = tones
    ids = [text.strip() for text in page.texts["utterance"]]
    assert len(ids) == 5  # without the one that failed
    names = [text.strip() for text in page.texts["name"]]
    assert names == ["recording", "soft", "loud"] * 5
    table = store.find_table(record["nodes"]["soft"]["digest"])
    sounds = [value for tag, name, value in page.attributes if (tag, name) == ("audio", "data-src")]
    wave, rate = soundfile.read(io.BytesIO(data_of(sounds[1])), dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(wave, table.get(table.ids[0])["wave"], atol=1 / 32768)


def test_scores_stand_beside_their_clip_and_the_best_is_marked(page, tones):
    store, record = tones
    table = store.find_table(record["nodes"]["loud_level"]["digest"])
    level = number(table.get(table.ids[0])["level"])
    assert " ".join(page.texts["marks"][2].split()) == f"level{level}"
    best = [value for tag, name, value in page.attributes if (tag, name, value) == ("div", "class", "best")]
    assert len(best) == 5


def test_licences_of_what_is_heard_are_named(page):
    text = " ".join(page.texts["pairs"][1].split())
    assert text == "recordingCC0-1.0softCC0-1.0loudCC0-1.0"


def test_pictures_of_an_utterance_share_width_and_scale(page):
    widths = [value for tag, name, value in page.attributes if (tag, name) == ("img", "style")]
    assert widths == ["width:100.000%"] * 15
    curves = [value for tag, name, value in page.attributes if (tag, name) == ("path", "d")]
    # Per utterance: the recording's, and in front of the recording's again the soft one's. None was made of `loud`.
    assert len(curves) == 5 * 3
    assert curves[0] == curves[1] != ""
    assert np.array(re.findall(r"[ML]([\d.]+)", curves[2]), float).max() <= 1000


def test_as_many_utterances_as_wanted_spread_over_all(tmp_path):
    store, record = run(tmp_path, "nodes:\n  tone: {read: toy.tones, config: {count: 90}}\n")
    found = Page(write_report(store, record, tmp_path / "r.html", most=4).read_text("utf-8"))
    ids = [text.split()[0] for text in found.texts["utterance"]]
    assert ids == ["tone0000", "tone0029", "tone0059", "tone0089"]
    assert "scores" not in found.tables
    assert "reasons" not in found.texts


def test_copies_are_one_system_and_new_rows_another(tmp_path):
    graph = """
nodes:
  tone: {read: toy.tones, config: {count: 8}}
  odd: {pick: {wave: tone.wave}, where: {tone.speaker: odd}}
  even: {pick: {wave: tone.wave}, where: {tone.speaker: even}}
  both: {union: [odd, even]}
  other: {read: toy.tones, config: {count: 3, prefix: other}}
  others: {pick: {wave: other.wave}}
  pool: {union: [both, others]}
  loud: {map: toy.gain, in: {wave: pool.wave}, config: {gain: 1.5}}
  pair: {expand: toy.pairs, in: {wave: loud.wave}}
  level: {map: toy.level, in: {wave: pair.wave}}
"""
    store, record = run(tmp_path, graph)
    lineage = Lineage(record)
    assert [system.name for system in lineage.systems] == ["pool", "loud", "pair"]
    assert lineage.judged_wave("level") == ("pair", "wave")
    found = Page(write_report(store, record, tmp_path / "r.html", most=6).read_text("utf-8"))
    names = [text.strip() for text in found.texts["name"]]
    assert names == ["pool", "loud"] * 3 + ["pair"] * 3


# ---- runs that went wrong ----


def test_a_failed_run_is_reported_with_what_it_made(tmp_path):
    store, record = run_tones(tmp_path, sets=("max_failed=0.3", 'loud.bad=["one", "three", "six"]'))
    assert record["nodes"]["loud"]["state"] == "failed"
    found = Page(write_report(store, record, tmp_path / "r.html").read_text("utf-8"))
    assert " ".join(found.texts["verdict"][0].split()).startswith("Failed at loud after ")
    assert "told to be bad" in found.texts["error"][0]
    states = {row[0]: row[3] for row in found.tables["nodes"]}
    assert (states["speech"], states["loud"], states["scores"]) == ("ran", "failed", "waiting")
    assert {text.strip() for text in found.texts["name"]} == {
        "recording",
        "soft",
    }  # as the unmade table would call them
    assert "3 failed told to be bad one, three, six" in " ".join(found.texts["reasons"][-1].split())


def test_a_run_without_any_table_is_reported(tmp_path):
    root = write_corpus(tmp_path / "corpus", {"one": "text"})
    (root / "wavs" / "one.wav").write_bytes(b"no sound")
    graph = f"nodes:\n  speech: {{read: corpus.ljspeech, config: {{path: {root}}}}}\n"
    store, record = run(tmp_path, graph)
    found = Page(write_report(store, record, tmp_path / "r.html").read_text("utf-8"))
    assert found.tables["nodes"][1][3] == "failed"
    assert "utterance" not in found.texts


def test_what_left_the_store_is_left_out(tmp_path):
    store, record = run(tmp_path, "nodes:\n  tone: {read: toy.tones}\n  loud: {map: toy.gain, in: {wave: tone.wave}}\n")
    store.files.delete_folder(f"tables/{record['nodes']['loud']['digest']}")
    found = Page(write_report(store, record, tmp_path / "r.html").read_text("utf-8"))
    assert {text.strip() for text in found.texts["name"]} == {"tone"}


# ---- pictures ----


def test_a_mel_picture_has_low_sounds_at_its_foot():
    log_mel = np.full((30, 80), -10.0, np.float32)
    log_mel[5, 70] = 0.0  # an early, high sound
    data = data_of(pictures.mel_png(log_mel, -10, 0))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (30, 80)
    at = data.index(b"IDAT")
    size = struct.unpack(">I", data[at - 4 : at])[0]
    pixels = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + size]), np.uint8).reshape(80, 31)[:, 1:]
    assert pixels[79 - 70, 5] == 255
    assert np.count_nonzero(pixels) == 1
    assert zlib.crc32(data[at : at + 4 + size]) == struct.unpack(">I", data[at + 4 + size : at + 8 + size])[0]


def test_a_long_mel_is_averaged_not_cut():
    log_mel = np.repeat(np.linspace(0, 1, 2000, dtype=np.float32)[:, None], 4, axis=1)
    width, _ = struct.unpack(">II", data_of(pictures.mel_png(log_mel, 0, 1))[16:24])
    assert width == 800


def test_frequency_ticks_stand_where_a_tone_is_bright():
    from blocks.common.mel import log_mel

    for spec in (AudioSpec(), AudioSpec(mel_scale="htk", f_min=50)):
        ticks = {label: share for share, label in pictures.mel_ticks(spec)}
        for label, hertz in (("1k", 1000), ("4k", 4000)):
            wave = np.sin(2 * np.pi * hertz * np.arange(8000) / 16000).astype(np.float32)
            bright = log_mel(wave, spec)[20].argmax()
            assert abs(ticks[label] - 100 * (bright + 0.5) / spec.n_mels) < 1.5


def test_a_pitch_curve_breaks_where_unvoiced():
    times = np.arange(5) / 10
    path = pictures.pitch_path(np.array([100, 200, 0, 0, 100], np.float32), times, 0.5, 100, 200)
    assert path == "M0.0 100.0h0L200.0 0.0M800.0 100.0h0"
    assert pictures.pitch_range([np.zeros(4)]) is None


def test_notes_are_bars_as_long_and_as_high_as_they_are_with_their_syllables():
    notes = (Note(key=None, seconds=1), Note(key=57, seconds=1, lyric="la"), Note(key=69, seconds=2))
    path, syllables = pictures.score_path(notes, 4.0, 220.0, 440.0)
    assert path == "M250.0 100.0h250.0M500.0 0.0h500.0"
    assert syllables == [(25.0, 0.0, "la")]
    assert pictures.pitch_range([np.array([0.0, 300.0])], notes) == pytest.approx((220 * 0.95, 440 * 1.05))


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [(100, 145, ["120", "140"]), (80, 300, ["100", "150", "200"]), (60, 1000, ["100", "200", "400", "800"])],
)
def test_pitch_axes_have_a_few_round_numbers(low, high, labels):
    ticks = pictures.pitch_ticks(low, high)
    assert [label for _, label in ticks] == labels
    assert all(0 < share < 100 for share, _ in ticks)


def test_silence_and_a_steady_tone_have_pictures():
    low, high = pictures.mel_range([np.zeros((3, 4), np.float32)])
    assert pictures.mel_png(np.zeros((3, 4), np.float32), low, high).startswith("data:image/png")
    low, high = pictures.pitch_range([np.full(5, 120.0)])
    assert low < 120 < high
    assert high / low == pytest.approx(1.41, rel=0.01)
    wave, rate = soundfile.read(io.BytesIO(data_of(pictures.flac(tone(100, 0.5) * 20, RATE))))
    assert (len(wave), rate) == (8000, RATE)
    assert np.abs(wave).max() <= 1


def test_a_phone_stands_where_it_is_said_and_one_of_no_length_nowhere():
    places = pictures.phone_places(("h", "aɪ", "sil"), np.array([0.5, 0.0, 1.5]), 4.0)
    assert places == [(0.0, 12.5, "h"), (12.5, 37.5, "sil")]


def test_the_curve_that_was_asked_for_and_the_phones_are_found():
    """A voice is followed to the phones and durations it was made of, past others, and to the curve a metric holds it against."""

    def node(verb, inputs, **fields):
        return {"verb": verb, "block": "x.y", "inputs": inputs, "fields": fields}

    nodes = {
        "read": node("read", {}, wave="wave"),
        "words": node("map", {}, phones="phones"),
        "aligned": node("map", {"phones": "words.phones"}, durations="durations"),
        "wanted": node("map", {"wave": "read.wave"}, pitch="pitch"),
        "given": node(
            "pick", {"durations": "aligned.durations", "pitch": "wanted.pitch"}, durations="durations", pitch="pitch"
        ),
        "line": node("map", {"phones": "words.phones", "durations": "given.durations"}, log_mel="log_mel"),
        "free": node("map", {"phones": "words.phones"}, log_mel="log_mel", durations="durations"),
        "voice": node("map", {"log_mel": "line.log_mel"}, wave="wave"),
        "free_voice": node("map", {"log_mel": "free.log_mel"}, wave="wave"),
        "pitch": node("map", {"wave": "voice.wave"}, pitch="pitch"),
        "f0": node("map", {"prediction": "pitch.pitch", "reference": "given.pitch"}, rmse="float"),
    }
    lineage = Lineage({"nodes": nodes, "source": {"nodes": nodes}})
    assert lineage.spoken(("voice", "wave")) == (("words", "phones"), ("given", "durations"))
    assert lineage.spoken(("free_voice", "wave")) == (("words", "phones"), ("free", "durations"))
    assert lineage.spoken(("read", "wave")) is None
    assert lineage.compared(("voice", "wave"), "pitch") == ("given", "pitch")
    assert lineage.compared(("free_voice", "wave"), "pitch") is None
