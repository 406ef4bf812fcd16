"""The web side around a real slice, without Ray: answers, refusals, and places that are given back."""

import asyncio
import base64
import hashlib
import io
import json
import threading
import time

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from blocks.base import BadItem
from blocks.common.audio import decode
from blocks.corpus.lines import Config as Settings
from runner.serve.about import _voices, describe
from runner.serve.app import Site
from runner.serve.encoding import TYPES
from runner.serve.speaker import BATCH, Speaker
from tests.serving.conftest import TEXTS

SPEECH = "/v1/audio/speech"
TOKEN = "a token of tests, long enough"


@pytest.fixture(scope="module")
def speaker(live) -> Speaker:
    return Speaker(live)


def site(speaker, speak=None, awake=None, **limits) -> Site:
    return Site(speak or speaker.speak, describe(speaker.live, **limits), awake or speaker.awake)


@pytest.fixture(scope="module")
def client(speaker):
    with TestClient(site(speaker, max_chars=200).app(), raise_server_exceptions=False) as found:
        yield found


def ask(client, **body):
    return client.post(SPEECH, json={"input": TEXTS[0], "response_format": "wav"} | body)


# ---- speech ----


def test_a_wav_is_what_the_graph_says(client, live):
    answer = ask(client, voice="ben", input=TEXTS[1], speed=0.5)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/wav"
    wave, rate = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    row = {"text": TEXTS[1], "speaker": "ben", "speaking_rate": 0.5}
    want = live.run([row])[0]["wave"]
    assert rate == 16000
    np.testing.assert_allclose(wave, want, atol=1e-3)  # 16 bits, and phases that drift by rounding from piece to piece


@pytest.mark.parametrize("format", TYPES)
def test_every_format_lasts_as_long(client, tmp_path, format):
    answer = ask(client, response_format=format)
    seconds = len(ask(client, response_format="pcm").content) / 2 / 16000
    assert answer.headers["content-type"].startswith(TYPES[format])
    if format == "pcm":
        assert answer.headers["content-type"] == "audio/pcm; rate=16000; channels=1"
    else:
        (path := tmp_path / f"said.{format}").write_bytes(answer.content)
        wave, rate = decode(path)
        assert len(wave) / rate == pytest.approx(seconds, abs=0.15)


def test_what_an_openai_client_leaves_out_is_filled_in(client):
    answer = client.post(SPEECH, json={"model": "tts-1", "input": "Hello.", "voice": "ann"})
    assert answer.headers["content-type"] == "audio/mpeg"
    assert client.post(SPEECH, json={"input": "Hello.", "response_format": "pcm"}).content == ask(
        client, input=" Hello. ", voice="ann", response_format="pcm"
    ).content  # fmt: skip


@pytest.fixture(scope="module")
def official(client):
    """OpenAI's own client, which asks our app."""
    import openai

    return openai.OpenAI(api_key="none", base_url="http://testserver/v1", http_client=client, max_retries=0)


def test_openais_own_client_is_answered(official, client, tmp_path):
    speech = official.audio.speech
    said = {"model": "gpt-4o-mini-tts", "voice": "ben", "input": TEXTS[0]}
    want = ask(client, voice="ben", response_format="pcm").content
    plain = speech.create(**said, response_format="pcm")
    assert plain.content == want
    assert "x-ignored" not in plain.response.headers
    moody = speech.create(**said, response_format="pcm", instructions="Speak in a cheerful tone.", speed=1.0)
    assert (moody.content, moody.response.headers["x-ignored"]) == (want, "instructions")
    assert speech.create(**said | {"voice": {"id": "ben"}}, response_format="pcm").content == want
    with speech.with_streaming_response.create(**said, response_format="aac", stream_format="audio") as answer:
        answer.stream_to_file(tmp_path / "said.aac")
    wave, rate = decode(tmp_path / "said.aac")
    assert len(wave) / rate == pytest.approx(len(want) / 2 / 16000, abs=0.15)
    assert [model.id for model in official.models.list()] == ["tiny"]


def test_openais_own_client_reads_our_refusals(official):
    import openai

    with pytest.raises(openai.BadRequestError, match="there is no 'alloy'; there is ann, ben, eva") as caught:
        official.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
    assert (caught.value.param, caught.value.code) == ("voice", "unknown_voice")


def test_null_is_as_if_left_out(client):
    nothing = dict.fromkeys(["model", "voice", "speed", "stream_format", "instructions", "language"])
    answer = ask(client, **nothing, response_format="pcm")
    assert answer.status_code == 200, answer.text
    assert answer.content == ask(client, response_format="pcm").content
    assert (
        client.post(SPEECH, json={"input": "Hello.", "response_format": None}).headers["content-type"] == "audio/mpeg"
    )


def test_as_many_characters_as_openai_takes_are_taken(speaker):
    """Of any kind, however they are written in the body."""
    asked = []

    async def noting(row):
        asked.append(row["text"])
        yield {"samples": 1}
        yield b"\0\0"

    with TestClient(site(speaker, noting).app()) as client:
        for text in ("a" * 4096, "\N{GRINNING FACE}" * 4096):
            assert ask(client, input=text).status_code == 200
        refused = ask(client, input="a" * 4097)
    assert [len(text) for text in asked] == [4096, 4096]
    assert "4097 characters, want 4096 at most" in refused.json()["error"]["message"]


def test_events_hold_the_same_bytes(client):
    answer = ask(client, stream_format="sse", response_format="pcm", input=TEXTS[1], speed=0.25)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert [event["type"] for event in events] == ["speech.audio.delta"] * (len(events) - 1) + ["speech.audio.done"]
    assert len(events) > 3
    found = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert found == ask(client, response_format="pcm", input=TEXTS[1], speed=0.25).content


def test_slow_lasts_longer(client):
    lengths = [len(ask(client, response_format="pcm", speed=speed).content) for speed in (0.25, 1, 4)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == pytest.approx(4 * lengths[1], rel=0.15)


SPANISH = "Buenos días."  # which an English tongue says in another way


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, {"speaker": "ann", "language": "en-US"}),
        ({"voice": "eva"}, {"speaker": "eva", "language": "es-MX"}),
        ({"voice": "eva", "language": "en-US"}, {"speaker": "eva", "language": "en-US"}),
        ({"voice": "ben", "language": "es-MX"}, {"speaker": "ben", "language": "es-MX"}),  # which it was never heard in
    ],
)
def test_a_voice_speaks_its_own_language_unless_another_is_asked_for(client, live, given, said):
    answer = ask(client, input=SPANISH, response_format="pcm", **given)
    assert answer.status_code == 200, answer.text
    found = np.frombuffer(answer.content, "<i2") / 2**15
    spoken = {tag: live.run([said | {"text": SPANISH, "language": tag}])[0]["wave"] for tag in ("en-US", "es-MX")}
    alike = [tag for tag, wave in spoken.items() if len(wave) == len(found) and np.allclose(wave, found, atol=1e-3)]
    assert alike == [said["language"]]


TRAINED_ON = {"ann": {"es-MX": 9, "en-US": 5}, "bo": {"ru-RU": 7}, "cy": {"und": 3}}


@pytest.mark.parametrize(
    ("heard", "settings", "found"),
    [
        ({"speaker_languages": TRAINED_ON}, "en", [["en-US", "es-MX"], ["ru-RU"], [None]]),
        ({"speaker_languages": TRAINED_ON}, "cs", [["es-MX", "en-US"], ["ru-RU"], [None]]),
        # artifacts of before: a language that all share, or all languages of a single voice
        ({"languages": {"en-US": 3}}, "en", [["en-US"]] * 3),
        ({"languages": {"en-US": 3, "es-MX": 4}}, "en", [["en"], [None], [None]]),
        ({"languages": {"ru-RU": 4, "en-US": 3}, "speakers": {"ann": 7}}, "ru", [["ru-RU", "en-US"], [None], [None]]),
        ({}, "en", [["en"], [None], [None]]),
    ],
)
def test_languages_of_voices_are_those_that_the_artifact_tells(heard, settings, found):
    voices = _voices(["bo", "ann", "cy"], heard, Settings(text="Hello.", speaker="ann", language=settings))
    assert [voice["name"] for voice in voices] == ["ann", "bo", "cy"]
    assert [voice.get("languages", [voice["language"]]) for voice in voices] == found
    assert [voice["language"] for voice in voices] == [languages[0] for languages in found]


# ---- refusals ----


@pytest.mark.parametrize(
    ("given", "status", "param", "message"),
    [
        ({"input": ""}, 400, "input", "the text is empty"),
        ({"input": " \n "}, 400, "input", "the text is empty"),
        ({"input": "a" * 201}, 400, "input", "201 characters, want 200 at most"),
        ({"input": 7}, 400, "input", "input: input should be a valid string, got 7"),
        ({"input": None}, 400, "input", "input: is missing"),
        ({"voice": "alloy"}, 400, "voice", "there is no 'alloy'; there is ann, ben, eva"),
        ({"voice": "Ann"}, 400, "voice", "there is no 'Ann'; there is ann, ben, eva"),
        ({"voice": {"id": "alloy"}}, 400, "voice", "there is no 'alloy'; there is ann, ben, eva"),
        ({"voice": {"name": "ann"}}, 400, "voice", "valid string"),
        ({"speed": 0.2}, 400, "speed", "greater than or equal to 0.25, got 0.2"),
        ({"speed": 4.1}, 400, "speed", "less than or equal to 4"),
        ({"speed": "fast"}, 400, "speed", "valid number"),
        ({"response_format": "aiff"}, 400, "response_format", "'wav', 'pcm'"),
        ({"stream_format": "both"}, 400, "stream_format", "'audio' or 'sse'"),
        ({"instructions": 7}, 400, "instructions", "valid string"),
        ({"instruction": "sadly"}, 400, "instruction", "no such field; did you mean 'instructions'?"),
        ({"input": "§ 7"}, 422, "input", "'§' in the text is no word"),
        ({"language": "xx"}, 422, "input", "xx"),
    ],
)
def test_a_request_that_cannot_be_met_tells_why(client, given, status, param, message):
    answer = ask(client, **given)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert message in error["message"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is not JSON"),
        (b"\xff\xfe", 400, "the body is not JSON"),
        (b"[" * 2000, 400, "the body is not JSON"),
        (b'{"input": "Hello.", "\\ud800": 1}', 400, r"half a character (\ud800), want whole ones"),
        (b'{"input": "Hello \\udc00."}', 400, r"half a character (\udc00)"),
        (b'{"input": "Hello.", "voice": {"id": ["\\ud83d"]}}', 400, r"half a character (\ud83d)"),
        (b'{"input": 7, "\\ud83d\\ude00": 1}', 400, "input: input should be"),
        (b"[1]", 400, "the body is a JSON list, want an object"),
        (b"{}", 400, "input: is missing"),
        (b'{"input": "' + b"a" * 10_000 + b'"}', 413, "more than"),
    ],
)
def test_a_body_that_is_no_request_is_told(client, body, status, message):
    answer = client.post(SPEECH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert message in answer.json()["error"]["message"]


def test_other_types_paths_and_methods_are_refused_in_the_same_shape(client):
    answers = [client.post(SPEECH, content=b"{}", headers={"Content-Type": "text/plain"}), client.get(SPEECH)]
    answers += [client.get("/v1/audio"), client.get("/docs"), client.post(SPEECH + "/", json={"input": "Hello."})]
    assert [answer.status_code for answer in answers] == [415, 405, 404, 404, 404]
    assert all(answer.json()["error"]["message"] for answer in answers)


# ---- the other routes ----


def test_voices_models_info_and_health(client, live):
    assert client.get("/voices").json()["voices"] == [
        {"name": "ann", "language": "en-US"},
        {"name": "ben", "language": "en-US"},
        {"name": "eva", "language": "es-MX", "languages": ["es-MX", "en-US"]},
    ]
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["tiny"]
    info = client.get("/info").json()
    assert (info["graph"], info["spec"]["sample_rate"], info["ready"]) == ("tiny", 16000, True)
    assert info["limits"] == {
        "max_chars": 200, "max_waiting": 32, "speed": [0.25, 4.0], "response_formats": list(TYPES), "sample_rate": 16000,
    }  # fmt: skip
    assert [(model["node"], model["block"]) for model in info["models"]] == [
        ("acoustic", "acoustic.parallel"),
        ("vocoder", "vocoder.fourier"),
    ]
    assert info["models"][0]["trained_on"]["speakers"] == {"eva": 11, "ann": 5, "ben": 5}
    assert "# " in info["models"][0]["card"]
    assert client.get("/health").json() == {"status": "ok", "busy": 0}


def test_info_answers_before_speech_does_and_says_so(speaker):
    loaded = threading.Event()

    async def awake():
        while not loaded.is_set():
            await asyncio.sleep(0.01)

    with TestClient(site(speaker, awake=awake).app()) as client:
        assert client.get("/info").json()["ready"] is False
        loaded.set()
        deadline = time.monotonic() + 20
        while not client.get("/info").json()["ready"]:
            assert time.monotonic() < deadline


def test_the_page_asks_nobody_else(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")


# ---- token, places, what goes wrong ----


def test_nothing_but_page_and_health_is_open_without_the_token(speaker):
    limits = {"token_hash": hashlib.sha256(TOKEN.encode()).hexdigest()}
    with TestClient(site(speaker, **limits).app()) as client:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": TOKEN},
            {"Authorization": f"Basic {TOKEN}"},
            {b"Authorization": "Bearer ключ от всех дверей".encode()},
            {b"Authorization": b"Bearer \xff\xfe"},
        ):
            client.headers = headers
            answers = [ask(client), client.get("/voices"), client.get("/info"), client.get("/v1/models")]
            assert [answer.status_code for answer in answers] == [401] * 4
            assert answers[0].json()["error"]["code"] == "invalid_api_key"
            assert answers[0].headers["www-authenticate"] == "Bearer"
            assert [client.get("/").status_code, client.get("/health").status_code] == [200, 200]
        client.headers = {"Authorization": f"Bearer {TOKEN}"}
        assert ask(client).status_code == 200
        assert TOKEN not in client.get("/info").text


async def post(app, body: dict, sent: list, hang_up: asyncio.Event | None = None, whole: bool = True) -> None:
    """A request as a web server hands it on; what is sent back goes to `sent`. Where it is not `whole`, its end never comes."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "method": "POST", "path": SPEECH, "raw_path": SPEECH.encode(), "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "scheme": "http", "http_version": "1.1", "server": ("test", 80),
    }  # fmt: skip
    messages = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": not whole}]

    async def receive():
        if messages:
            return messages.pop()
        await (hang_up or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)


def test_whom_there_is_no_place_for_is_told_to_come_again_and_places_are_given_back(speaker):
    go = asyncio.Event()

    async def patient(row):
        yield {"samples": 2}
        await go.wait()
        yield b"\0\0\0\0"

    async def scenario():
        busy = site(speaker, patient, max_waiting=2)
        app, body = busy.app(), {"input": "Hello.", "response_format": "pcm"}
        answers, left = [[], [], [], [], []], asyncio.Event()
        first = [asyncio.create_task(post(app, body, sent, left if n else None)) for n, sent in enumerate(answers[:2])]
        while busy.busy < 2 or not all(answers[:2]):
            await asyncio.sleep(0.01)
        await post(app, body, answers[2])
        left.set()  # the second hangs up
        await first[1]
        assert busy.busy == 1
        third = asyncio.create_task(post(app, body, answers[3]))
        go.set()
        await asyncio.gather(first[0], third)
        await post(app, body | {"input": ""}, answers[4])
        assert busy.busy == 0
        return answers

    go = asyncio.Event()
    first, _, turned_away, third, _ = asyncio.run(scenario())
    assert [sent[0]["status"] for sent in (first, turned_away, third)] == [200, 503, 200]
    assert (b"retry-after", b"2") in turned_away[0]["headers"]
    assert json.loads(turned_away[1]["body"])["error"]["code"] == "overloaded"


def test_a_body_that_never_ends_takes_a_place_and_is_turned_away_in_time(speaker):
    async def scenario():
        slow = site(speaker, max_waiting=1, body_s=0.5)
        app, body, answers = slow.app(), {"input": "Hello.", "response_format": "pcm"}, [[], [], []]
        trickling = asyncio.create_task(post(app, body, answers[0], whole=False))
        while not slow.busy:
            await asyncio.sleep(0)
        await post(app, body, answers[1])
        await trickling
        assert slow.busy == 0
        await post(app, body, answers[2])
        return answers

    trickled, turned_away, later = asyncio.run(scenario())
    assert [sent[0]["status"] for sent in (trickled, turned_away, later)] == [408, 503, 200]
    error = json.loads(trickled[1]["body"])["error"]
    assert (error["code"], error["message"]) == ("timeout", "the body was not there after 0.5 s: send it at once")


def test_a_wave_that_breaks_off_is_no_whole_answer(speaker):
    async def breaking(row):
        yield {"samples": 4}
        yield b"\0\0"
        raise BadItem("voice: the wave has NaN or infinite values")

    async def failing(row):
        raise RuntimeError("a secret of the machine")
        yield

    broken = site(speaker, breaking)
    with TestClient(broken.app()) as client, pytest.raises(BadItem):
        ask(client)
    assert broken.busy == 0
    with TestClient(site(speaker, failing).app(), raise_server_exceptions=False) as client:
        answer = ask(client)
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"
    assert "secret" not in answer.text


# ---- the speaker ----


def test_rows_that_wait_are_prepared_together_and_waves_take_turns(live, monkeypatch):
    sizes, order, prepare = [], [], live.prepare
    monkeypatch.setattr(live, "prepare", lambda rows: (sizes.append(len(rows)), prepare(rows))[1])

    async def one(speaker, number, row):
        parts = [part async for part in speaker.speak(row | {"id": str(number)}) if order.append(number) is None]
        return b"".join(parts[1:]) if "samples" in parts[0] else parts[0]

    async def scenario():
        speaker = Speaker(live)
        sizes.clear()
        rows = (
            [{"text": TEXTS[1], "speaker": "ann", "speaking_rate": 0.25}] * 2
            + [{"text": "§"}]
            + [{"text": "Hello."}] * BATCH
        )
        return await asyncio.gather(*(one(speaker, number, row) for number, row in enumerate(rows)))

    found = asyncio.run(scenario())
    assert sum(sizes) == BATCH + 3
    assert max(sizes) == BATCH, "waited together"
    assert found[0] == found[1]
    assert found[2]["node"] == "words"
    assert len(set(found[3:])) == 1
    ends = {number: len(order) - order[::-1].index(number) for number in (0, 3)}
    assert ends[3] < ends[0], "a short one need not wait for a long one"


def test_what_is_asked_for_now_goes_before_what_nobody_waits_for_yet(live):
    """Four long texts are seconds ahead of their listeners: a new one is heard before more of them is made."""
    order = []

    async def long(speaker, number, ahead):
        parts = speaker.speak({"id": str(number), "text": TEXTS[1], "speaker": "ann", "speaking_rate": 0.25})
        async for _ in parts:
            order.append(number)
            if order.count(number) == 3:  # what it takes to say, and two pieces
                ahead.release()

    async def short(speaker):
        parts = speaker.speak({"id": "new", "text": "Hello."})
        assert "samples" in await anext(parts)
        assert await anext(parts)
        order.append("new")
        await parts.aclose()

    async def scenario():
        speaker, ahead = Speaker(live), asyncio.Semaphore(0)
        longs = [asyncio.create_task(long(speaker, number, ahead)) for number in range(4)]
        for _ in longs:
            await ahead.acquire()
        asked = len(order)
        await short(speaker)
        heard = order.index("new")
        await asyncio.gather(*longs)
        return heard - asked, len(order) - heard

    between, after = asyncio.run(scenario())
    assert between <= 2, "but for what was under way"
    assert after > 4
