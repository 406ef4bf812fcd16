"""score.musicxml on small scores of our own: what notation means in seconds, keys and syllables, and what is refused with its bar."""

import zipfile

import pytest

from blocks.base import Failure
from blocks.score.musicxml import Config, MusicXML
from blocks.spec import AudioSpec

TEMPO = '<direction><direction-type><words/></direction-type><sound tempo="60"/></direction>'  # a quarter is a second
ATTRIBUTES = "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"


def n(pitch="C4", length=2, lyric="", more="", before=""):
    """A note of `length` eighths. A lyric: ``la``, ``ho-`` (goes on), ``-ly`` (ends), ``2:la`` (of verse 2), several by ``|``."""
    alter = {"#": 1, "b": -1, "~": 0.5}.get(pitch[1:2], 0)
    pitched = f"<pitch><step>{pitch[0]}</step>{f'<alter>{alter}</alter>' if alter else ''}<octave>{pitch[-1]}</octave></pitch>"
    return (
        f"<note{more and ' ' + more}>{before}{pitched}{(length and f'<duration>{length}</duration>') or ''}<voice>1</voice>"
        f"{''.join(map(_lyric, lyric.split('|'))) if lyric else ''}</note>"
    )


def _lyric(lyric: str) -> str:
    number, _, text = lyric.rpartition(":")
    syllabic = {(0, 0): "single", (0, 1): "begin", (1, 1): "middle", (1, 0): "end"}[
        text.startswith("-"), text.endswith("-")
    ]
    return f'<lyric number="{number or 1}"><syllabic>{syllabic}</syllabic><text>{text.strip("-")}</text></lyric>'


def rest(length=2):
    return f"<note><rest/><duration>{length}</duration><voice>1</voice></note>"


def score(*bars, first=ATTRIBUTES + TEMPO, parts=None):
    """MusicXML of one part with these bars, or of `parts` by name, each a list of bars."""
    parts = parts or {"Voice": bars}
    listed = "".join(
        f'<score-part id="P{i}"><part-name>{name}</part-name></score-part>' for i, name in enumerate(parts, 1)
    )
    made = ""
    for i, own in enumerate(parts.values(), 1):
        inner = "".join(
            f'<measure number="{b}">{first if b == 1 else ""}{bar}</measure>' for b, bar in enumerate(own, 1)
        )
        made += f'<part id="P{i}">{inner}</part>'
    return f'<?xml version="1.0"?><score-partwise version="3.1"><part-list>{listed}</part-list>{made}</score-partwise>'


@pytest.fixture
def read(tmp_path):
    def read(xml, name="song.musicxml", **settings):
        (tmp_path / name).write_text(xml)
        (row,) = MusicXML(Config(path=str(tmp_path / name), lead_s=0.1, **settings), AudioSpec()).read()
        return row

    return read


def notes_of(song):
    """Key, seconds and syllable of what stands between the rests at both ends."""
    assert not isinstance(song, Failure), song.reason
    inner = song.notes[1:] if song.notes[0].key is None else song.notes
    inner = inner[:-1] if inner[-1].key is None else inner
    return [(note.key, round(note.seconds, 4), note.lyric) for note in inner]


def test_notes_rests_and_words(read):
    song = read(score(n("C4", 2, "Ho-") + n("D4", 2, "-ly") + rest() + n("A4", 2, "night,")))
    assert notes_of(song) == [(60, 1, "Ho-"), (62, 1, "ly"), (None, 1, ""), (69, 1, "night")]
    assert (song.text, song.language) == ("Holy, night", "en")
    assert song.notes[0].key is None
    assert song.notes[-1].key is None
    assert song.notes[1].place == "bar 1, beat 1"
    assert song.seconds == pytest.approx(4.2)


def test_no_tempo_and_no_meter_are_120(read):
    song = read(score(n(lyric="la"), first="<attributes><divisions>2</divisions></attributes>"))
    assert notes_of(song) == [(60, 0.5, "la")]
    assert any("no tempo" in remark for remark in song.remarks)


@pytest.mark.parametrize(
    ("beat", "per_minute", "seconds"),
    [("<beat-unit>eighth</beat-unit>", 120, 1), ("<beat-unit>quarter</beat-unit><beat-unit-dot/>", 80, 0.5)],
)
def test_beat_units(read, beat, per_minute, seconds):
    mark = f"<direction><direction-type><metronome>{beat}<per-minute>{per_minute}</per-minute></metronome></direction-type></direction>"
    assert notes_of(read(score(n(lyric="la"), first=ATTRIBUTES + mark))) == [(60, seconds, "la")]


def test_the_sounding_tempo_wins_and_each_stands_at_its_place(read):
    mark = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>100</per-minute></metronome>"
        '</direction-type><sound tempo="60"/></direction>'
    )
    song = read(score(n(lyric="a") + '<sound tempo="120"/>' + n(lyric="b") + n("D4", 4, "c"), first=ATTRIBUTES + mark))
    assert [seconds for _, seconds, _ in notes_of(song)] == [1, 0.5, 1]


def test_a_tempo_change_within_a_note_is_integrated(read):
    later = '<backup><duration>4</duration></backup><sound tempo="120"/><forward><duration>4</duration></forward>'
    assert notes_of(read(score(n("C4", 8, "la") + later))) == [(60, 3, "la")]


def test_a_tempo_asked_for_keeps_the_proportion_of_later_ones(read):
    song = read(score(n(lyric="a") + '<sound tempo="120"/>' + n(lyric="b")), tempo=30)
    assert [seconds for _, seconds, _ in notes_of(song)] == [2, 1]


def test_a_tie_is_one_note_and_text_on_its_end_is_told(read):
    song = read(score(n("C4", 8, "la", before=""), n("C4", 4, "lost", before="")).replace(
        "<voice>1</voice>", '<tie type="start"/><voice>1</voice>', 1).replace(
        "<duration>4</duration><voice>", '<duration>4</duration><tie type="stop"/><voice>'))  # fmt: skip
    assert notes_of(song) == [(60, 6, "la")]
    assert any("'lost' on the end of a tie" in remark for remark in song.remarks)


def test_the_vowel_goes_on_without_a_syllable_and_a_rest_ends_it(read):
    song = read(score(n("C4", 2, "la") + n("D4") + rest() + n("E4")))
    assert notes_of(song) == [(60, 1, "la"), (62, 1, "")]
    assert "bar 1, beat 4: a note without a syllable, after a rest, is not sung" in song.remarks


def test_an_elision_and_the_number_of_a_verse(read):
    both = "<lyric><syllabic>end</syllabic><text>ga</text><elision>‿</elision><syllabic>single</syllabic><text>e</text></lyric>"
    song = read(score(n(lyric="1. pian-") + n().replace("</note>", both + "</note>") + n(lyric="2.") + n(lyric="la e")))
    assert [lyric for *_, lyric in notes_of(song)] == ["pian-", "ga‿e", "", "la‿e"]
    assert song.text == "pianga e la e"


def test_verses(read):
    xml = score(n(lyric="one|2:two") + n(lyric="1:sun-|2:moon") + n(lyric="-ny") + rest(), n(lyric="always"))
    assert read(xml).text == "one sunny, always"
    song = read(xml, verse=2)
    assert song.text == "two moon, always"  # a bar with one verse is sung in all
    assert "bar 1, beat 3: no syllable of verse 2, only of 1" in song.remarks
    assert "no verse 3, the part has 2" in read(xml, verse=3).reason


def _barline(end, side="right"):
    return f'<barline location="{side}">{end}</barline>'


BACK, AHEAD = '<repeat direction="backward"/>', '<repeat direction="forward"/>'


def test_repeats_and_endings_are_played_out_with_their_verses(read):
    endings = [
        n(lyric="one|2:two"),
        _barline('<ending number="1" type="start"/>', "left") + n("D4", 2, "first")
        + _barline('<ending number="1" type="stop"/>' + BACK),
        _barline('<ending number="2" type="start"/>', "left") + n("E4", 2, "2:second")
        + _barline('<ending number="2" type="stop"/>'),
    ]  # fmt: skip
    song = read(score(*(_full(bar) for bar in endings)))
    assert [lyric for key, _, lyric in notes_of(song) if key] == ["one", "first", "two", "second"]


def _full(bar):
    """A bar of four quarters: the note, and a rest before what closes it."""
    at = bar.find('<barline location="right">')
    return bar + rest(6) if at < 0 else bar[:at] + rest(6) + bar[at:]


def test_repeats_that_do_not_close_are_refused_with_their_bars(read):
    jump = "<direction><direction-type><words>D.S. al Coda</words></direction-type></direction>"
    row = read(score(_full(n(lyric="la")), _full(n(lyric="la") + jump)))
    assert isinstance(row, Failure)
    assert "bars 2" in row.reason
    assert "do not close" in row.reason
    silent = read(
        score(
            _full(n(lyric="la"))
            + '<direction><direction-type><words/></direction-type><sound dacapo="yes"/></direction>'
        )
    )
    assert "bar 1: dacapo without words" in silent.reason


def test_parts_and_voices_are_chosen_or_named(read, tmp_path):
    two = score(parts={"Soprano": [n("C5", 2, "high")], "Alto": [n("A4", 2, "low")], "Organ": [n("C3")]})
    assert "choose by part, 1 (Soprano), 2 (Alto)" in read(two).reason
    assert read(two, part="Alto").text == read(two, part="2").text == "low"
    assert "has no lyrics" in read(two, part="Organ").reason
    assert "want one of 1 (Soprano)" in read(two, part="Tenor").reason
    rows = list(MusicXML(Config(path=str(tmp_path), part="all"), AudioSpec()).read())
    assert [row.id for row in rows] == ["song/1", "song/2"]
    second = n("A3", 8, "under").replace("<voice>1", "<voice>2")
    voices = score(n("C4", 8, "over") + "<backup><duration>8</duration></backup>" + second)
    assert "voices 1, 2 of the part have lyrics" in read(voices).reason
    assert notes_of(read(voices, voice="2")) == [(57, 4, "under")]


def test_of_a_chord_the_highest_note_is_sung(read):
    song = read(score(n("C4", 2, "la") + n("E4", 2, before="<chord/>") + rest(6)))
    assert notes_of(song) == [(64, 1, "la")]
    assert "bar 1, beat 1: of a chord the highest note is sung" in song.remarks


def test_grace_notes_take_their_time_from_the_main_note(read):
    song = read(
        score(n("D4", 0, "la", before="<grace/>") + n("C4", 2) + n("E4", 0, before="<grace/>") + n("C4", 2, "lo"))
    )
    assert notes_of(song) == [(62, 0.25, "la"), (60, 0.75, ""), (64, 0.25, "lo"), (60, 0.75, "")]


def test_transposing_parts_sound_and_octave_clefs_add_nothing(read):
    horn = "<transpose><diatonic>-4</diatonic><chromatic>-7</chromatic><octave-change>-1</octave-change></transpose></attributes>"
    assert notes_of(read(score(n("C5", 2, "la"), first=ATTRIBUTES.replace("</attributes>", horn) + TEMPO))) == [
        (53, 1, "la")
    ]
    clef = "<clef><sign>G</sign><line>2</line><clef-octave-change>-1</clef-octave-change></clef></attributes>"
    assert notes_of(read(score(n("C4", 2, "la"), first=ATTRIBUTES.replace("</attributes>", clef) + TEMPO))) == [
        (60, 1, "la")
    ]
    assert notes_of(read(score(n("C4", 2, "la")), transpose=-2)) == [(58, 1, "la")]


def test_hidden_notes_take_time_and_are_not_sung(read):
    song = read(score(n(lyric="a") + n("D4", 2, "", 'print-object="no"') + n("E4", 2, "b")))
    assert notes_of(song) == [(60, 1, "a"), (None, 1, ""), (64, 1, "b")]
    assert any("hidden note" in remark for remark in song.remarks)


def test_divisions_change_and_quarter_tones_stay(read):
    song = read(score(n("C~4", 8, "la"), "<attributes><divisions>4</divisions></attributes>" + n("D4", 4, "lo")))
    assert notes_of(song) == [(60.5, 4, "la"), (62, 1, "lo")]


def test_a_pickup_bar_is_as_long_as_its_notes(read):
    pickup = score(n(lyric="a"), n("D4", 8, "b")).replace('<measure number="1">', '<measure number="0" implicit="yes">')
    assert notes_of(read(pickup)) == [(60, 1, "a"), (62, 4, "b")]


def test_a_compressed_score_is_the_same(tmp_path):
    container = '<container><rootfiles><rootfile full-path="inside.xml"/></rootfiles></container>'
    with zipfile.ZipFile(tmp_path / "song.mxl", "w") as packed:
        packed.writestr("META-INF/container.xml", container)
        packed.writestr("inside.xml", score(n(lyric="la")))
    (row,) = MusicXML(Config(path=str(tmp_path)), AudioSpec()).read()
    assert (row.id, row.text) == ("song", "la")


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("no score", "no MusicXML"),
        ("<opus/>", "want <score-partwise>"),
        ("<score-timewise/>", "want score-partwise"),
        (score(n()), "no lyrics in 1 part"),
    ],
)
def test_what_is_no_score_is_a_failure_that_says_so(read, xml, reason):
    row = read(xml)
    assert isinstance(row, Failure)
    assert "song.musicxml: " in row.reason
    assert reason in row.reason


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"want files of \.musicxml"):
        MusicXML(Config(path=str(tmp_path)), AudioSpec()).fingerprint()
    assert MusicXML(Config(), AudioSpec()).fingerprint() == ""


def test_marks_that_printers_draw_are_no_letters(read):
    song = read(score(n(lyric="la----sciar") + n(lyric="“Sì!”") + n(lyric="3) ch’io") + n(lyric="~|2:*")))
    assert song.text == "la-sciar Sì ch'io"
