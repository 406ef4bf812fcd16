"""Durations that were asked for beside those that were said, by hand."""

import numpy as np
import pytest
from pydantic import ValidationError

from blocks.base import Failure
from blocks.metric.duration_error import DurationError, Obeyed
from blocks.spec import AudioSpec

SPEC = AudioSpec()


def measured(asked, spoken, frames=None):
    mel = None if frames is None else np.zeros((frames, SPEC.n_mels), np.float32)
    item = Obeyed(reference=np.array(asked, np.int32), prediction=np.array(spoken, np.int32), log_mel=mel)
    (result,) = DurationError(DurationError.Config(), SPEC).apply([item])
    return result


@pytest.mark.parametrize(
    ("asked", "spoken", "frames", "whole", "phone"),
    [
        ([3, 0, 5], [3, 0, 5], None, 0, 0),
        ([3, 0, 5], [3, 0, 5], 8, 0, 0),
        ([3, 0, 5], [3, 0, 5], 9, 1, 0),  # says that it obeyed, and did not
        ([3, 4, 5], [5, 4, 3], None, 0, 4 / 3),  # right in sum alone
        ([3, 4, 5], [1, 4, 3], 8, 4, 4 / 3),
        ([10], [12], None, 2, 2),
    ],
)
def test_frames_apart_by_hand(asked, spoken, frames, whole, phone):
    result = measured(asked, spoken, frames)
    assert (result.frames_apart, result.phone_frames_apart) == (whole, pytest.approx(phone))


def test_other_phones_are_refused_by_number():
    with pytest.raises(ValidationError, match="prediction: phones is 2, but 3 elsewhere in this item"):
        measured([1, 2, 3], [1, 2])


def test_no_phones_at_all_are_a_failure():
    result = measured([], [])
    assert type(result) is Failure
    assert result.reason.startswith("0 phones")


def test_a_table_takes_both_numbers():
    from blocks.metric.schema import Scores
    from blocks.metric.table import TableOfScores

    result = measured([3, 4, 5], [1, 4, 3], 8)
    rows = [Scores(scores={"model": {"frames": result.frames_apart, "of a phone": result.phone_frames_apart}})]
    table = TableOfScores(TableOfScores.Config(lower=("frames",)), SPEC).reduce(rows)
    assert [mean.mean for mean in table.means] == [4.0, pytest.approx(4 / 3)]
