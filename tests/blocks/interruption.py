"""A training that is stopped, to be gone on with."""

from contextlib import contextmanager

import pytest

from runner.fit.checkpoints import Checkpoints


@contextmanager
def stopped_at_a_checkpoint(monkeypatch):
    """What runs within is stopped as by Ctrl-C, right after its first checkpoint."""
    save = Checkpoints.save

    def last(self, *given):
        save(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", last)
        with pytest.raises(KeyboardInterrupt):
            yield
