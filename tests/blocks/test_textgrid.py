"""TextGrids and label files: what is written is read again, in both forms, and what is wrong is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.common import textgrid
from blocks.common.textgrid import Interval

SHORT = '''File type = "ooTextFile"
Object class = "TextGrid"

0
0.5
<exists>
2
"IntervalTier"
"words"
0
0.5
1
0
0.5
"say ""no"""
"IntervalTier"
"phones"
0
0.5
2
0
0.25
""
0.25
0.5
"n"
'''
TIERS = {
    "words": [Interval(0.0, 0.5, 'say "no"')],
    "phones": [Interval(0.0, 0.25, ""), Interval(0.25, 0.5, "n")],
}


def test_the_long_form_is_what_praat_writes():
    lines = textgrid.dump(TIERS).splitlines()
    assert lines[:7] == [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0.0",
        "xmax = 0.5",
        "tiers? <exists>",
        "size = 2",
    ]
    assert '            text = "say ""no"""' in lines
    assert "        intervals: size = 2" in lines


def test_both_forms_and_encodings_are_read(tmp_path):
    assert textgrid.parse(SHORT) == textgrid.parse(textgrid.dump(TIERS)) == TIERS
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path = tmp_path / f"{encoding}.TextGrid"
        path.write_text(SHORT, encoding=encoding)
        assert textgrid.read(path) == TIERS


POINTS = """"TextTier"
"tones"
0
0.5
1
0.3
"H*"
"IntervalTier"
"notes"
0
0.5
0
"IntervalTier"
"torn"
0
0.5
1
0.2
0.5
"x"
"IntervalTier"
"torn"
0
0.5
0
"""


def test_tiers_that_nobody_asked_for_may_be_of_any_kind(tmp_path):
    """Of points, without intervals, with a gap, of one name: they are passed over, and named."""
    path = tmp_path / "a.TextGrid"
    path.write_text(SHORT.replace("<exists>\n2\n", "<exists>\n6\n") + POINTS)
    assert textgrid.read_some(path, {"words", "phones", "others"}) == (TIERS, ("tones", "notes", "torn", "torn"))
    for wanted, message in (
        ({"tones"}, "only tiers of intervals"),
        ({"notes"}, "no interval"),
        ({"torn"}, "begins at 0.2"),
    ):
        with pytest.raises(ValueError, match=message):
            textgrid.read_some(path, wanted)
    path.write_text((SHORT.replace("<exists>\n2\n", "<exists>\n6\n") + POINTS).removesuffix("0\n"))
    with pytest.raises(ValueError, match="ends before all"):
        textgrid.read_some(path, {"words"})


labels = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
tiers = st.lists(st.tuples(st.floats(1e-3, 2.0), labels), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(tiers, labels)
def test_what_is_written_is_read_again(pieces, name):
    bounds = np.concatenate([[0.0], np.cumsum([length for length, _ in pieces])]).tolist()
    tier = [Interval(a, b, label) for a, b, (_, label) in zip(bounds, bounds[1:], pieces)]
    assert textgrid.parse(textgrid.dump({name: tier})) == {name: tier}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no grid at all", "the file ends before"),
        (SHORT.replace("ooTextFile", "xxTextFile"), "no TextGrid"),
        (SHORT.replace('"IntervalTier"\n"phones"', '"TextTier"\n"phones"'), "only tiers of intervals"),
        (SHORT.replace('0.25\n0.5\n"n"', '0.3\n0.5\n"n"'), r"'phones': 0.25 s and 0.3 s leave a gap"),
        (SHORT.replace('"phones"', '"words"'), "two tiers are called 'words'"),
        (SHORT.removesuffix('0.5\n"n"\n'), "the file ends before"),
    ],
)
def test_a_broken_grid_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        textgrid.parse(text)


@pytest.mark.parametrize(
    ("tier", "message"),
    [
        ([], "no interval"),
        ([Interval(0.1, 0.5, "a")], "begins at 0.1"),
        ([Interval(0.0, 0.5, "a"), Interval(0.5, 0.5, "b")], "'b' from 0.5 to 0.5 s is empty"),
        ([Interval(0.0, 0.6, "a")], "all of one length"),
    ],
)
def test_a_tier_that_is_not_whole_is_not_written(tier, message):
    with pytest.raises(ValueError, match=message):
        textgrid.dump(TIERS | {"more": tier})


def test_words_are_checked_against_phones():
    assert textgrid.words_fit(TIERS) is None
    assert "no tier 'phones'" in textgrid.words_fit({"words": TIERS["words"]})
    shifted = TIERS | {"words": [Interval(0.0, 0.3, "say"), Interval(0.3, 0.5, "no")]}
    assert textgrid.words_fit(shifted) == "the word 'say' has an edge at 0.3 s, where no phone has one"


def test_an_alignment_goes_into_a_grid_and_comes_back(spec):
    durations = np.array([8, 4, 12, 3, 9], np.int32)
    made = textgrid.from_durations(
        ("sil", "n", "oʊ", "w", "sil"), durations, spec, ("no", "w"), np.array([-1, 0, 0, 1, -1])
    )
    assert [one.label for one in made["words"]] == ["", "no", "w", ""]
    assert textgrid.words_fit(made) is None
    again = textgrid.parse(textgrid.dump(made))
    np.testing.assert_array_equal(textgrid.to_durations(again["phones"], 36, spec), durations)
    with pytest.raises(ValueError, match=r"the recording at 0\.500 s"):
        textgrid.to_durations(again["phones"], 40, spec)
    with pytest.raises(ValueError, match="is empty"):
        textgrid.from_durations(("a", "b"), np.array([3, 0]), spec)


def test_hts_and_festival_labels_are_read(tmp_path):
    path = tmp_path / "a.lab"
    path.write_text("0 2500000 pau\n2500000 4000000 x^y-a+b\n")
    assert textgrid.read_labels(path) == [Interval(0, 0.25, "pau"), Interval(0.25, 0.4, "x^y-a+b")]
    path.write_text("separator ;\nnfields 1\n#\n0.25 125 pau\n0.4 125 a\n")
    assert textgrid.read_labels(path) == [Interval(0, 0.25, "pau"), Interval(0.25, 0.4, "a")]
    path.write_text("#\n0.25 125 pau\n0.2 125 a\n")
    with pytest.raises(ValueError, match=r"a\.lab:3: 0\.25 to 0\.2 s goes back"):
        textgrid.read_labels(path)
    path.write_text("0 2500000 pau\nx y z\n")
    with pytest.raises(ValueError, match=r"a\.lab:2: want `start end label`"):
        textgrid.read_labels(path)
