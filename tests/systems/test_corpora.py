"""What docs/corpora.md has a user type reads each corpus, on a few made clips that lie as those of the corpus do."""

import glob
import re
import shlex
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from click.testing import CliRunner

from blocks.base import Failure, Skip
from blocks.corpus.schema import Utterance
from blocks.load import find
from runner.check import check, read_graph

PAGE = Path(__file__).parents[2] / "docs" / "corpora.md"
SECTIONS = dict(part.split("\n", 1) for part in re.split(r"(?m)^## ", PAGE.read_text("utf-8"))[1:])


def fenced(corpus: str, language: str) -> str:
    return "".join(re.findall(rf"```{language}\n(.*?)```", SECTIONS[corpus], re.DOTALL))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def clip(path: str, rate: int = 24000) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(np.arange(rate // 10) / 20), rate)


def write(path: str, text: str, encoding: str = "utf-8") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text.encode(encoding))


def typed(corpus: str) -> None:
    """The lines of the shell, in this process: to import lhotse for each would take most of the time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what lhotse imports
        from lhotse.bin.lhotse import cli

        for line in fenced(corpus, "sh").splitlines():
            program, *words = shlex.split(line)
            assert program == "lhotse"
            words = [found for word in words for found in (sorted(glob.glob(word)) if "*" in word else [word])]
            done = CliRunner().invoke(cli, words)
            assert done.exit_code == 0, (line, done.output, done.exception)


def rows_of(spec, corpus: str) -> list:
    """What the nodes of a section read; they are sound as a graph, too."""
    typed(corpus)
    nodes = yaml.safe_load(fenced(corpus, "yaml"))
    write("graph.yaml", yaml.safe_dump({"nodes": nodes}))
    check(read_graph(Path("graph.yaml")))
    made = []
    for node in nodes.values():
        block = find(node["read"])
        block = block(block.Config(**node["config"]), spec)
        assert block.licences == (node["config"]["licence"],)
        assert block.fingerprint()
        made += block.read()
    return made


def told(rows: list) -> set[tuple]:
    assert all(type(row) is Utterance for row in rows), rows
    return {(row.text, row.speaker, row.language, row.style) for row in rows}


def test_libritts_r(spec):
    for part, speaker, chapter in (("train-clean-100", "103", "1240"), ("dev-clean", "84", "121123")):
        folder, name = f"LibriTTS_R/{part}/{speaker}/{chapter}", f"{speaker}_{chapter}"
        id = f"{name}_000000_000001"
        clip(f"{folder}/{id}.wav")
        write(f"{folder}/{id}.normalized.txt", f"Doctor {speaker}.")
        write(f"{folder}/{id}.original.txt", f"Dr. {speaker}.")
        write(f"{folder}/{name}.trans.tsv", f"{id}\tDr. {speaker}.\tDoctor {speaker}.\n")
        write(f"{folder}/{name}.book.tsv", f"{id}\tDr. {speaker}.\tDoctor {speaker}.\t0.1\t0.2\t31.5\n")
    clip("LibriTTS_R/dev-clean/84/121123/._84_121123_000000_000001.wav")
    write("LibriTTS_R/SPEAKERS.txt", ";ID|SEX|SUBSET|MINUTES|NAME\n103|F|train-clean-100|25|A\n84|F|dev-clean|8|B\n")
    assert told(rows_of(spec, "LibriTTS-R")) == {
        ("Doctor 103.", "libritts/103", "en", "neutral"),
        ("Doctor 84.", "libritts/84", "en", "neutral"),
    }


def test_vctk(spec):
    """Two microphones, a speaker without texts, one without the second microphone, one with a gap, one whose name has no p."""
    root = "VCTK-Corpus-0.92"
    for speaker, texts, mics in (("p225", 2, (1, 2)), ("p280", 1, (1,)), ("p315", 0, (1, 2)), ("s5", 1, (1, 2))):
        for number in range(1, max(texts, 1) + 1):
            for mic in mics:
                clip(f"{root}/wav48_silence_trimmed/{speaker}/{speaker}_{number:03d}_mic{mic}.flac", 48000)
            if texts:
                write(f"{root}/txt/{speaker}/{speaker}_{number:03d}.txt", f"Please call {speaker}, {number}.\n")
    write(f"{root}/txt/p362/p362_002.txt", "Ask her.\n")
    write(
        f"{root}/speaker-info.txt",
        "ID  AGE  GENDER  ACCENTS  REGION COMMENTS \np225  23  F    English    Southern  England\n"
        "p280  25  F    Unknown    France    (mic2 files unavailable)\np315  18  M    American    New  England   (no text)\n"
        "p362  29  F    American \ns5    18  F    British\n",
    )
    assert told(rows_of(spec, "VCTK")) == {
        ("Please call p225, 1.", "vctk/p225", "en", "neutral"),
        ("Please call p225, 2.", "vctk/p225", "en", "neutral"),
        ("Please call s5, 1.", "vctk/s5", "en", "neutral"),
    }


def test_hifi_tts(spec):
    for speaker, kind, part in ((92, "clean", "train"), (92, "clean", "dev"), (9017, "clean", "train")):
        name = f"audio/{speaker}_{kind}/7794/book_01_author_{part}{speaker}.flac"
        clip(f"hi_fi_tts_v0/{name}", 44100)
        text = f'"text": "well {part} then", "text_no_preprocessing": "Well, {part}; then.", "text_normalized": "Well, {part}; then."'
        line = f'{{"audio_filepath": "{name}", {text}, "duration": 0.1}}\n'
        write(f"hi_fi_tts_v0/{speaker}_manifest_{kind}_{part}.json", line)
    assert told(rows_of(spec, "Hi-Fi TTS")) == {
        ("Well, train; then.", "hifitts/Cori Samuel", "en", "neutral"),
        ("Well, dev; then.", "hifitts/Cori Samuel", "en", "neutral"),
        ("Well, train; then.", "hifitts/John Van Stan", "en", "neutral"),
    }


def test_hui(spec):
    for reader, book in (("Karlsson", "maerchen"), ("Karlsson", "faust"), ("others/Ute_Muster", "maerchen")):
        folder = f"HUI/{reader}/{book}"
        for number in (1, 2):
            clip(f"{folder}/wavs/{book}_01_f00000{number}.wav", 44100)
        write(f"{folder}/metadata.csv", f"{book}_01_f000001|Es war größer.\n{book}_01_f000002|Noch {book}.\n")
    rows = rows_of(spec, "HUI-Audio-Corpus-German")
    assert len({row.id for row in rows}) == 6, "two readers of one book have clips of one name"
    assert {row.speaker for row in rows} == {"hui/Karlsson", "hui/Ute_Muster"}
    assert told(rows) >= {("Es war größer.", "hui/Ute_Muster", "de", "neutral")}


def test_mailabs(spec):
    for reader, book in (("female/mary_ann", "north"), ("male/elliot_miller", "space"), ("mix", "north")):
        folder = f"en_US/by_book/{reader}/{book}" if reader != "mix" else f"en_US/by_book/mix/{book}"
        clip(f"{folder}/wavs/{book}_01_f000001.wav", 16000)
        gone = f"{book}_01_f000002|Gone.|Gone.\n" if book == "space" else ""
        write(f"{folder}/metadata.csv", f"{book}_01_f000001|In 1905.|In nineteen oh five.\n{gone}")
        write(f"{folder}/metadata_mls.json", "{}")
        write(f"{folder}/info.txt", "An hour.")
    *rows, gone = rows_of(spec, "M-AILABS")
    assert told(rows) == {
        ("In 1905.", "mailabs/mary_ann", "en-US", "neutral"),
        ("In 1905.", "mailabs/elliot_miller", "en-US", "neutral"),
    }
    assert type(gone) is Failure
    assert "by_book/male/elliot_miller/space/metadata.csv, line 2: no such file" in gone.reason


def test_aishell_3(spec):
    root = "data_aishell3"
    for part, name in (("train", "SSB00050001"), ("train", "SSB00050002"), ("test", "SSB06230001")):
        clip(f"{root}/{part}/wav/{name[:7]}/{name}.wav", 44100)
    write(
        f"{root}/train/content.txt",
        "SSB00050001.wav\t广 guang3 州 zhou1 女 nv3\nSSB00050002.wav\t你 ni3 好 hao3\n",
    )
    write(f"{root}/test/content.txt", "SSB06230001.wav\t大 da4 家 jia1\n")
    write(f"{root}/train/label_train-set.txt", "# labels\nSSB00050001|guang3 zhou1 nv3|广州女%$\n")
    write(f"{root}/spk-info.txt", "# name age gender accent\nSSB0005\tB\tfemale\tnorth\nSSB0623\tC\tmale\tsouth\n")
    assert told(rows_of(spec, "AISHELL-3")) == {
        ("广州女", "aishell3/SSB0005", "zh", "neutral"),
        ("你好", "aishell3/SSB0005", "zh", "neutral"),
        ("大家", "aishell3/SSB0623", "zh", "neutral"),
    }


def test_jvs(spec):
    for speaker in ("jvs001", "jvs002"):
        for style, id in (("parallel100", "VOICEACTRESS100_001"), ("whisper10", "BASIC5000_0025")):
            clip(f"jvs_ver1/{speaker}/{style}/wav24kHz16bit/{id}.wav")
            write(f"jvs_ver1/{speaker}/{style}/lab/mon/{id}.lab", "0 1 sil\n")
            write(f"jvs_ver1/{speaker}/{style}/transcripts_utf8.txt", f"{id}:また、東寺のように、{style}。\n")
    clip("jvs_ver1/jvs002/parallel100/wav24kHz16bit/VOICEACTRESS100_099.wav")
    write("jvs_ver1/gender_f0range.txt", "speaker Male_or_Female\n")
    *rows, unnamed = rows_of(spec, "JVS")
    assert told(rows) == {
        (f"また、東寺のように、{style}。", f"jvs/{speaker}", "ja", style)
        for speaker in ("jvs001", "jvs002")
        for style in ("parallel100", "whisper10")
    }
    assert len({row.id for row in rows}) == 4
    assert len({row.split for row in rows if row.style == "parallel100"}) == 1, "what two say alike lies in one split"
    assert (type(unnamed), unnamed.id) == (Skip, "jvs/jvs002/parallel100/wav24kHz16bit/VOICEACTRESS100_099")


def test_ljspeech(spec):
    clip("LJSpeech-1.1/wavs/LJ001-0001.wav", 22050)
    clip("LJSpeech-1.1/wavs/LJ001-0045.wav", 22050)
    lines = "LJ001-0001|Printing|Printing\nLJ001-0045|1469, 1470;|fourteen sixty-nine, fourteen seventy;\n"
    write("LJSpeech-1.1/metadata.csv", lines)
    write("LJSpeech-1.1/README", "public domain")
    assert told(rows_of(spec, "LJ Speech")) == {
        ("Printing", "linda-johnson", "en-US", "neutral"),
        ("fourteen sixty-nine, fourteen seventy;", "linda-johnson", "en-US", "neutral"),
    }


@pytest.mark.parametrize("below", ["", "train/"])
def test_esd(spec, below):
    """Tables in three encodings, a line with blanks for tabs, a third column in two languages."""
    for speaker in ("0001", "0010", "0011", "0016", "0020"):
        for emotion, number in (("Neutral", "000001"), ("Angry", "000351")):
            clip(f"ESD/{speaker}/{emotion}/{below}{speaker}_{number}.wav", 16000)
    write("ESD/ReadMe.txt", "read me")
    table = "{0}_000001\t打远一看，它们的确很是美丽，\t中立\n{0}_000351\t打远一看！\t生气\n"
    write("ESD/0001/0001.txt", table.format("0001"), "gb2312")
    write("ESD/0010/0010.txt", table.format("0010"), "utf-16")
    table = "{0}_000001\tThe nine the eggs, I keep.\tNeutral\n\n{0}_000351\tIt’s {0}.\tAngry\n\n"
    write("ESD/0011/0011.txt", table.format("0011"), "utf-16")
    write("ESD/0016/0016.txt", table.format("0016"), "gb18030")
    write("ESD/0020/0020.txt", "0020_000001\tIt is.\tNeutral\r\n0020_000351 No tabs. Angry\r\n")
    rows = rows_of(spec, "Emotional Speech Dataset")
    (failed,) = (row for row in rows if type(row) is Failure)
    assert failed.reason.startswith(r"0020/0020.txt, line 2: 1 columns found, want id\ttext\t-")
    (unnamed,) = (row for row in rows if type(row) is Skip)
    assert unnamed.id == f"esd/0020/Angry/{below}0020_000351"
    assert told([row for row in rows if row not in (failed, unnamed)]) == {
        ("The nine the eggs, I keep.", "esd/0011", "en", "Neutral"),
        ("It’s 0011.", "esd/0011", "en", "Angry"),
        ("The nine the eggs, I keep.", "esd/0016", "en", "Neutral"),
        ("It’s 0016.", "esd/0016", "en", "Angry"),
        ("It is.", "esd/0020", "en", "Neutral"),
        *(("打远一看，它们的确很是美丽，", f"esd/{speaker}", "zh", "Neutral") for speaker in ("0001", "0010")),
        *(("打远一看！", f"esd/{speaker}", "zh", "Angry") for speaker in ("0001", "0010")),
    }


def test_opensinger(spec):
    for singer, song in (("WomanRaw/0", "光年之外"), ("WomanRaw/1", "左边"), ("ManRaw/0", "鼓楼")):
        name = f"{singer.split('/')[1]}_{song}"
        for number in (0, 1):
            clip(f"OpenSinger/{singer}_{song}/{name}_{number}.wav", 44100)
            write(f"OpenSinger/{singer}_{song}/{name}_{number}.txt", f"{song}{number}\n")
            write(f"OpenSinger/{singer}_{song}/{name}_{number}.lab", "guang nian\n")
    write("OpenSinger/ManRaw/.DS_Store", "")
    clip("OpenSinger/ManRaw/0_鼓楼/0_鼓楼_2.wav", 44100)
    write("OpenSinger/ManRaw/0_鼓楼/0_鼓楼_2.txt", "")
    rows = rows_of(spec, "OpenSinger")
    (empty,) = (row for row in rows if type(row) is Failure)
    assert empty.reason == "ManRaw/0_鼓楼/0_鼓楼_2.txt, line 1: the text is empty"
    assert told([row for row in rows if row is not empty]) == {
        (f"{song}{number}", f"opensinger/{singer}", "zh", "singing")
        for singer, song in (("WomanRaw/0", "光年之外"), ("WomanRaw/1", "左边"), ("ManRaw/0", "鼓楼"))
        for number in (0, 1)
    }


def test_the_page_has_all_ten():
    table = re.findall(r"(?m)^\| ([^|]+) \|.*\|$", PAGE.read_text("utf-8"))[2:]
    assert len(table) == 10
    assert len(SECTIONS) == 11
    assert list(SECTIONS)[-1] == "Others"
