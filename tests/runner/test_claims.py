"""Claims: one owner at a time, who is left alone as long as he lives, and whose place is taken once he is dead."""

import subprocess
import sys
import threading
import time

import pytest

from runner.store import Store
from runner.store.claims import Claims
from tests.environment import ROOT


@pytest.fixture
def files(tmp_path):
    return Store(tmp_path / "store").files


def elsewhere(files, name: str = "another", **given) -> Claims:
    """As a process on another machine has them."""
    return Claims(files, **({"beat_s": 0.05, "silent_s": 0.3} | given), machine=name)


def test_of_many_one_gets_it(files):
    start, got = threading.Barrier(8), []

    def take():
        claims = elsewhere(files)
        start.wait()
        got.append(claims.take("x"))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (mine,) = [claim for claim in got if claim]
    assert not elsewhere(files).is_free("x")
    with mine:
        pass
    assert files.listed("claims") == []
    assert elsewhere(files).is_free("x")


def test_an_owner_on_another_machine_who_gives_signs_of_life_is_never_taken_for_dead(files):
    claim = elsewhere(files, "one").take("x")
    watching = elsewhere(files, "two")
    over = time.monotonic() + 1.0  # three times as long as a silence that counts as death
    while time.monotonic() < over:
        assert watching.take("x") is None
        time.sleep(0.02)
    with claim:
        assert not claim.lost


def test_a_silent_owner_on_another_machine_is_followed_after_a_time_by_one(files):
    silent = elsewhere(files, "one", beat_s=3600).take("x")
    silent.note(at=16)
    two, three = elsewhere(files, "two"), elsewhere(files, "three")
    assert two.take("x") is None
    assert three.take("x") is None
    time.sleep(0.35)
    taken = two.take("x")
    assert (taken.number, [left["at"] for left in taken.left]) == (1, [16]), "what the dead was at is known"
    assert three.take("x") is None
    with silent:  # which was only asleep: what the other has stays
        pass
    assert not elsewhere(files).is_free("x")
    with taken:
        pass
    assert files.listed("claims") == []


def test_who_was_asleep_is_told_that_another_went_on(files):
    asleep = elsewhere(files, "one", beat_s=0.4).take("x")
    two = elsewhere(files, "two", silent_s=0.05)
    assert two.take("x") is None
    time.sleep(0.1)
    with two.take("x"):
        deadline = time.monotonic() + 20
        while not asleep.lost:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_dead_process_of_this_machine_is_known_at_once(tmp_path, files):
    code = "import sys, time; from runner.store import Store; c = Store(sys.argv[1]).claims.take('x'); print(bool(c), flush=True); time.sleep(60)"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "store")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "True\n"
    assert Claims(files).take("x") is None
    child.kill()
    child.communicate()
    assert Claims(files).take("x").number == 1


def test_a_claim_that_a_power_cut_damaged_is_in_nobodys_way_for_long(files):
    elsewhere(files, "one", beat_s=3600).take("x")
    with files.new("claims/x.0.json") as stream:
        stream.write(b"\0" * 20)
    looking, over = elsewhere(files, "two"), time.monotonic() + 30
    assert looking.take("x") is None
    while (claim := looking.take("x")) is None and time.monotonic() < over:
        time.sleep(0.02)
    assert (claim.number, claim.left) == (1, [])
