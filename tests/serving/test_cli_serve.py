"""What `voxblocks serve` says before it serves."""

import socket

import pytest
from typer.testing import CliRunner

from runner.cli import app


@pytest.fixture
def serve(tiny):
    def call(*words) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["serve", str(tiny), *map(str, words)])
        return done.exit_code, done.stderr

    return call


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--until", "voices"], "no node 'voices'; did you mean 'voice'?"),
        (["--until", "words"], "words has no wave, only phones, words, word_of_phone"),
        (["--source", "words"], "words is a map, want a read; there is read, script"),
        (["--source", "read"], "voice has no rows of read, only of script"),
        (["--set", "script.tongue=en"], "has no config key 'tongue'"),
        (["--token-file", "nothing"], "--token-file nothing: "),
    ],
)
def test_what_cannot_be_served_is_told(serve, store, words, message):
    code, err = serve("--store", store.files.at(""), *words)
    assert code == 2
    assert message in err


@pytest.mark.parametrize("token", ["ключ от всех дверей", "sixteen\tletters\tlong", "naïve but long enough"])
def test_a_token_that_no_header_can_hold_is_refused(serve, store, tmp_path, token):
    (tmp_path / "token").write_text(token, encoding="utf-8")
    code, err = serve("--store", store.files.at(""), "--token-file", tmp_path / "token")
    assert (code, "ASCII: a header holds no others" in err) == (2, True)


def test_a_short_token_is_refused(serve, store, tmp_path):
    (tmp_path / "token").write_text("short\n")
    code, err = serve("--store", store.files.at(""), "--token-file", tmp_path / "token")
    assert (code, "a token of 5 characters, want 16 or more" in err) == (2, True)


def test_without_models_it_says_how_to_get_them(serve, tmp_path):
    code, err = serve("--store", tmp_path / "empty")
    assert (code, "acoustic is not trained; first: voxblocks run" in err) == (2, True)


def test_a_port_that_is_taken_and_a_host_that_others_reach_are_told(serve, store):
    pytest.importorskip("ray.serve")
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, err = serve("--store", store.files.at(""), "--port", port, "--host", "0.0.0.0")
    assert code == 1
    assert f"0.0.0.0:{port} cannot be listened on" in err
    assert f"Warning: whoever reaches 0.0.0.0:{port} may use this server; --token-file FILE asks for a token" in err
