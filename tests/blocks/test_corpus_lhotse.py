"""Cuts written by the real Lhotse are read, and whatever is wrong with one of them stays with that one."""

import gzip
import json

import numpy as np
import pytest
import soundfile

from blocks.base import Failure, Skip
from blocks.corpus.lhotse import Lhotse
from blocks.corpus.schema import Utterance

RATE = 16000


@pytest.fixture(scope="module")
def lhotse():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import lhotse

    return lhotse


@pytest.fixture
def ramp(tmp_path):
    """A recording of two channels whose samples tell where they are from."""
    wave = np.linspace(-0.5, 0.5, 2 * RATE, dtype="float32") * (-1.0) ** np.arange(2 * RATE, dtype="float32")
    soundfile.write(tmp_path / "ramp.wav", np.stack([wave, -wave], axis=1), RATE)
    return wave


def segment(lhotse, id, start=0.0, duration=2.0, **kwargs):
    filled = {"text": id, "speaker": "x", "language": "en"} | kwargs
    return lhotse.SupervisionSegment(id, "ramp", start, duration, **filled)


def manifest(lhotse, folder, cuts, name="cuts.jsonl.gz"):
    lhotse.CutSet.from_cuts(cuts).to_file(folder / name)
    return str(folder / name)


def recording(lhotse, folder):
    return lhotse.Recording.from_file(folder / "ramp.wav", recording_id="ramp")


def mono(lhotse, folder, id, *supervisions, start=0.0, duration=2.0, channel=0):
    return lhotse.MonoCut(id, start, duration, channel, list(supervisions), recording=recording(lhotse, folder))


def read(spec, **config):
    return list(Lhotse(Lhotse.Config(**config), spec).read())


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_a_cut_of_one_supervision_is_a_row_of_its_stretch(lhotse, tmp_path, ramp, spec, name):
    cut = mono(lhotse, tmp_path, "c1", segment(lhotse, "s1", 0.2, 0.5), start=0.5, duration=1.0, channel=1)
    (row,) = read(spec, manifest=manifest(lhotse, tmp_path, [cut], name), prefix="set/", licence="CC-BY-4.0")
    assert type(row) is Utterance
    assert (row.id, row.text, row.speaker, row.language, row.licence) == ("set/c1", "s1", "set/x", "en", "CC-BY-4.0")
    np.testing.assert_allclose(row.wave, -ramp[11200:19200], atol=1e-4)


def test_a_cut_of_several_supervisions_gives_a_row_for_each(lhotse, tmp_path, ramp, spec):
    cut = mono(lhotse, tmp_path, "c", segment(lhotse, "s1", 0.0, 0.5), segment(lhotse, "s2", 1.0, 0.25, text="two"))
    one, two = read(spec, manifest=manifest(lhotse, tmp_path, [cut]))
    assert (one.id, two.id, two.text, two.seconds) == ("lhotse/s1", "lhotse/s2", "two", 0.25)
    np.testing.assert_allclose(two.wave, ramp[16000:20000], atol=1e-4)


@pytest.mark.parametrize("more", [0.01, 0.5, 5.0])
def test_a_cut_that_is_longer_than_its_file_fails_and_no_end_is_mirrored(lhotse, tmp_path, ramp, spec, more):
    cut = mono(lhotse, tmp_path, "c", segment(lhotse, "s", 0.0, 2.0 + more), duration=2.0 + more)
    cut.recording.duration, cut.recording.num_samples = 2.0 + more, int((2.0 + more) * RATE)
    (row,) = read(spec, manifest=manifest(lhotse, tmp_path, [cut]))
    assert row.reason == (
        f"the cut ends at {2 + more:g} s of recording ramp, whose file ramp.wav has 2 s (the manifest says {2 + more:g} s): "
        "mend the manifest"
    )
    assert lhotse.get_audio_duration_mismatch_tolerance() == 0.5, "which is left to others as it was"


def test_a_supervision_that_reaches_beyond_its_cut_fails_but_for_rounding(lhotse, tmp_path, ramp, spec):
    """As windows over a long recording have them at their edges: a part of the text is not heard."""
    cuts = [
        mono(lhotse, tmp_path, "before", segment(lhotse, "a", -0.5, 1.0), start=1.0, duration=0.8),
        mono(lhotse, tmp_path, "behind", segment(lhotse, "b", 0.5, 1.0), start=0.0, duration=1.0),
        mono(lhotse, tmp_path, "outside", segment(lhotse, "c", 1.2, 0.5), start=0.0, duration=1.0),
        mono(lhotse, tmp_path, "rounded", segment(lhotse, "d", -0.01, 1.02), start=0.5, duration=1.0),
    ]
    before, behind, outside, rounded = read(spec, manifest=manifest(lhotse, tmp_path, cuts))
    assert before.reason == (
        "the supervision lasts from -0.5 to 0.5 s of its cut, which has 0.8 s: 0.5 s of its text are elsewhere"
    )
    assert "0.5 s of its text are elsewhere" in behind.reason
    assert "from 1.2 to 1.7 s of its cut, which has 1 s" in outside.reason
    np.testing.assert_allclose(rounded.wave, ramp[8000:24000], atol=1e-4)


def test_an_id_that_is_there_twice_is_told_with_its_line(lhotse, tmp_path, ramp, spec):
    """Ids of cuts, and of supervisions where a cut has several; each may stand once among all rows."""
    cuts = [
        mono(lhotse, tmp_path, "c1", segment(lhotse, "s1")),
        mono(lhotse, tmp_path, "c1", segment(lhotse, "s2")),
        mono(
            lhotse,
            tmp_path,
            "c2",
            segment(lhotse, "s3", 0, 1),
            segment(lhotse, "s3", 1, 1),
            segment(lhotse, "c1", 1, 1),
        ),
    ]
    path = tmp_path / "cuts.jsonl"
    path.write_text("\n" + "".join(json.dumps(cut.to_dict()) + "\n" for cut in cuts))
    rows = read(spec, manifest=str(path))
    assert [row.id for row in rows] == [f"lhotse/{id}" for id in ("c1", "cut-3", "s3", "cut-4-2", "cut-4-3")]
    assert [row.reason for row in rows if type(row) is Failure] == [
        "manifest, line 3: id 'c1' was there before, on line 2",
        "manifest, line 4: id 's3' was there before, on line 4",
        "manifest, line 4: id 'c1' was there before, on line 2",
    ]


def test_ids_and_speakers_that_are_numbers_are_read_as_texts(lhotse, tmp_path, ramp, spec):
    data = mono(lhotse, tmp_path, "c", segment(lhotse, "a", 0, 1), segment(lhotse, "b", 1, 1)).to_dict()
    data["id"], data["recording"]["id"] = 7, 3
    for number, supervision in enumerate(data["supervisions"]):
        supervision |= {"id": number, "speaker": number, "recording_id": 3, "text": number}
    alone = data | {"supervisions": data["supervisions"][:1]}
    path = tmp_path / "cuts.jsonl"
    path.write_text(f"{json.dumps(data)}\n{json.dumps(alone)}\n")
    rows = read(spec, manifest=str(path))
    assert [(row.id, row.speaker, row.text) for row in rows] == [
        ("lhotse/0", "lhotse/0", "0"),
        ("lhotse/1", "lhotse/1", "1"),
        ("lhotse/7", "lhotse/0", "0"),
    ]


def test_relative_paths_start_at_the_given_root(lhotse, tmp_path, ramp, spec):
    cut = mono(lhotse, tmp_path, "c", segment(lhotse, "s"))
    cut.recording.sources[0].source = "ramp.wav"
    path = manifest(lhotse, tmp_path, [cut])
    assert "ramp.wav" in read(spec, manifest=path)[0].reason
    assert type(read(spec, manifest=path, root=str(tmp_path))[0]) is Utterance


def test_channels_of_a_multi_cut_are_mixed_only_on_request(lhotse, tmp_path, ramp, spec):
    cut = lhotse.MultiCut("m", 0.0, 2.0, [0, 1], [segment(lhotse, "s", channel=[0, 1])])
    cut.recording = recording(lhotse, tmp_path)
    path = manifest(lhotse, tmp_path, [cut])
    assert read(spec, manifest=path)[0].reason.startswith("2 channels found, want 1")
    assert np.abs(read(spec, manifest=path, channel="mix")[0].wave).max() < 1e-4


def test_what_is_wrong_with_one_cut_stays_with_it(lhotse, tmp_path, ramp, spec):
    gone = mono(lhotse, tmp_path, "gone", segment(lhotse, "a"))
    gone.recording.sources[0].source = str(tmp_path / "gone.wav")
    command = mono(lhotse, tmp_path, "command", segment(lhotse, "b"))
    command.recording.sources[0].type, command.recording.sources[0].source = "command", f"touch {tmp_path}/ran"
    cuts = [
        gone,
        command,
        mono(lhotse, tmp_path, "plain"),
        mono(lhotse, tmp_path, "silent", segment(lhotse, "c", text=None)),
        mono(lhotse, tmp_path, "nobody", segment(lhotse, "d", speaker=None)),
        mono(lhotse, tmp_path, "english", segment(lhotse, "e", language="English")),
        mono(lhotse, tmp_path, "good", segment(lhotse, "f")),
    ]
    path = manifest(lhotse, tmp_path, cuts, "cuts.jsonl")
    with open(path, "ab") as file:
        file.write(b'{"id": "torn", \n{"type": "MonoCut"}\n')
    rows = read(spec, manifest=path)
    found = {row.id.removeprefix("lhotse/"): (type(row), getattr(row, "reason", "")) for row in rows}
    assert list(found) == ["gone", "cut-2", "plain", "silent", "nobody", "english", "good", "cut-8", "cut-9"]
    assert [kind for kind, _ in found.values()] == [
        Failure,
        Failure,
        Skip,
        Skip,
        Failure,
        Failure,
        Utterance,
        Failure,
        Failure,
    ]
    assert "gone.wav" in found["gone"][1]
    assert "which is not run: touch" in found["cut-2"][1]
    assert not (tmp_path / "ran").exists()
    assert found["silent"][1] == "no transcript"
    assert "set speaker" in found["nobody"][1]
    assert found["english"][1] == "language 'English' is no BCP 47 tag: set language, such as en"
    assert "manifest, line 8: no JSON (Expecting property name" in found["cut-8"][1]
    assert found["cut-9"][1].startswith("manifest, line 9: no cut that lhotse reads: MonoCut lacks id, start, duration")
    fixed = read(spec, manifest=path, speaker="me", language="en")
    assert [row.speaker for row in fixed if type(row) is Utterance] == ["me"] * 3


def test_another_text_of_the_recipe_can_be_taken(lhotse, tmp_path, ramp, spec):
    cuts = [
        mono(lhotse, tmp_path, "a", segment(lhotse, "s1", text="well then", custom={"text_punct": "Well, then."})),
        mono(lhotse, tmp_path, "b", segment(lhotse, "s2", custom={"snr": 31.5})),
        mono(lhotse, tmp_path, "c", segment(lhotse, "s3")),
    ]
    a, b, c = read(spec, manifest=manifest(lhotse, tmp_path, cuts), text="text_punct")
    assert a.text == "Well, then."
    assert b.reason == "the supervision's custom has no 'text_punct' for its text; there is 'snr'"
    assert c.reason.endswith("there is nothing")


def test_a_manifest_of_recordings_is_refused(lhotse, tmp_path, ramp, spec):
    path = tmp_path / "recordings.jsonl"
    path.write_text(json.dumps(recording(lhotse, tmp_path).to_dict()) + "\n")
    with pytest.raises(ValueError, match="holds Recording, want cuts: make them with `lhotse cut simple"):
        read(spec, manifest=str(path))


def test_the_fingerprint_follows_the_manifest_and_its_recordings(tmp_path, ramp, spec):
    path = tmp_path / "cuts.jsonl.gz"
    line = json.dumps({"recording": {"sources": [{"type": "file", "source": str(tmp_path / "ramp.wav")}]}})
    path.write_bytes(gzip.compress(line.encode()))
    block = Lhotse(Lhotse.Config(manifest=str(path)), spec)
    first = block.fingerprint()
    path.write_bytes(gzip.compress(line.encode(), mtime=0))
    assert block.fingerprint() == first
    soundfile.write(tmp_path / "ramp.wav", ramp[:100], RATE)
    second = block.fingerprint()
    path.write_bytes(gzip.compress((line + "\n" + line).encode()))
    assert len({first, second, block.fingerprint()}) == 3


def test_a_missing_manifest_is_named(spec):
    with pytest.raises(FileNotFoundError, match=r"manifest: no 'nowhere\.jsonl' below"):
        Lhotse(Lhotse.Config(manifest="nowhere.jsonl"), spec).fingerprint()
