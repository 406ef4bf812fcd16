"""`voxblocks serve` as it is: Ray Serve on loopback, two replicas, one of which is killed; its page in Chromium; Ctrl-C."""

import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("ray.serve")

from tests.browser import chromium, needs_chromium
from tests.serving.conftest import TEXTS
from tests.serving.servers import server

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]

TOKEN = "a token of tests, long enough"
LONG = " ".join([TEXTS[1]] * 4)


@pytest.fixture(scope="module")
def running(ray_environment, tiny, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    (folder / "token").write_text(TOKEN + "\n")
    url = store.files.at("")
    words = ["--store", str(url), "--replicas", "2", "--max-waiting", "24", "--token-file", str(folder / "token")]
    with server(ray_environment, folder, tiny, *words, token=TOKEN) as found:
        yield found


def test_it_answers_and_refuses_as_the_app_alone_does(running, live):
    status, body = running.speech(input=TEXTS[0], voice="ann")
    (row,) = live.run([{"text": TEXTS[0], "speaker": "ann"}])
    assert (status, len(body)) == (200, 2 * len(row["wave"]))
    assert [voice["name"] for voice in running.get("/voices")["voices"]] == ["ann", "ben", "eva"]
    for given, want, message in [
        ({"input": ""}, 400, "empty"),
        ({"input": "a" * 4097}, 400, "want 4096 at most"),
        ({"input": "Hello.", "voice": "carl"}, 400, "there is ann, ben, eva"),
        ({"input": "Hello.", "speed": 9}, 400, "speed"),
        ({"input": "§"}, 422, "no word"),
    ]:
        status, body = running.speech(**given)
        assert status == want, body
        assert message in json.loads(body)["error"]["message"]
    with running.open("POST", "/v1/audio/speech", {"input": "Hello."}, token="") as answer:
        assert (answer.status, json.load(answer)["error"]["code"]) == (401, "invalid_api_key")
    with running.open("GET", "/nothing") as answer:
        assert (answer.status, json.load(answer)["error"]["type"]) == (404, "invalid_request_error")


def test_the_first_sound_comes_long_before_the_last(running):
    begun = time.monotonic()
    ask = {"input": LONG, "speed": 0.25, "response_format": "wav"}
    with running.open("POST", "/v1/audio/speech", ask) as answer:
        head = answer.read(2000)
        first, rest = time.monotonic() - begun, answer.read()
        whole = time.monotonic() - begun
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert head[:4] == b"RIFF"
    assert int.from_bytes(head[40:44], "little") == len(head) + len(rest) - 44
    assert len(rest) > 20 * 2 * 16000, "seconds"
    assert first < 0.5 * whole, (first, whole)


def test_a_replica_that_is_killed_costs_nobody_an_answer(running):
    ask = {"input": LONG, "speed": 0.25, "voice": "ben"}
    want = running.speech(**ask)
    assert want[0] == 200
    killed, (victim, *others) = threading.Event(), running.replicas()
    assert len(others) == 1

    def kill():
        while sum(busy := [running.get("/health")["busy"]]) < 8:
            time.sleep(0.02)
        time.sleep(0.3)
        victim.kill()
        killed.set()
        return busy

    with ThreadPoolExecutor(17) as pool:
        killing = pool.submit(kill)
        answers = list(pool.map(lambda _: running.speech(**ask), range(16)))
        killing.result()
    assert killed.is_set()
    assert [answer == want for answer in answers] == [True] * 16
    deadline = time.monotonic() + 90
    while len(running.replicas()) < 2:  # another takes its place
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert running.speech(**ask) == want
    assert running.get("/health")["busy"] == 0


def test_more_than_may_wait_are_turned_away_at_once(running):
    ask = {"input": TEXTS[1], "speed": 0.25, "response_format": "pcm"}

    def one(number):
        with running.open("POST", "/v1/audio/speech", ask) as answer:
            return answer.status, answer.headers["Retry-After"], len(answer.read())

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(one, range(40)))
    statuses = [answer[0] for answer in answers]
    assert set(statuses) == {200, 503}, statuses
    assert statuses.count(200) >= 24
    assert {retry for status, retry, _ in answers if status == 503} == {"2"}
    assert len({size for status, _, size in answers if status == 200}) == 1


# ---- the page ----


@pytest.fixture
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


def wait_for(question, seconds: float = 30.0):
    end = time.monotonic() + seconds
    while not (found := question()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@needs_chromium
def test_one_types_and_listens(running, browser, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    def at(id):
        return browser.find_element(By.ID, id)

    browser.get(running.address)
    wait_for(lambda: at("token").is_displayed())  # it was refused, and asks for the token
    assert "token" in at("error").text
    at("token").send_keys(TOKEN)
    at("text").click()
    wait_for(lambda: Select(at("voice")).options)
    assert not at("error").is_displayed()
    assert [option.text for option in Select(at("voice")).options] == [
        "ann (en-US)",
        "ben (en-US)",
        "eva (es-MX, en-US)",
    ]
    assert not at("language").is_displayed()  # one is no choice
    for field in browser.find_elements(By.CSS_SELECTOR, "input:not([hidden]), select, textarea"):
        assert field.accessible_name or not field.is_displayed(), field.get_attribute("id")

    at("text").send_keys("Hello § world.")
    at("speak").click()
    wait_for(lambda: at("error").is_displayed())
    assert "'§' in the text is no word" in at("error").text
    assert not at("result").is_displayed()

    at("text").clear()
    at("text").send_keys(TEXTS[1])
    Select(at("voice")).select_by_value("ben")
    browser.execute_script("arguments[0].value = 0.5; arguments[0].dispatchEvent(new Event('input'))", at("speed"))
    assert at("speed-value").text == "0.5"
    at("speak").click()
    wait_for(lambda: at("result").is_displayed())
    wait_for(lambda: at("speak").is_enabled())  # it has been heard
    seconds = wait_for(lambda: browser.execute_script("return document.getElementById('player').duration"))
    want = running.speech(input=TEXTS[1], voice="ben", speed=0.5)[1]
    assert seconds == pytest.approx(len(want) / 2 / 16000, abs=1e-3)
    assert at("player").accessible_name == "What was said"
    link = at("download")
    assert (link.get_attribute("download"), link.get_attribute("href")[:5]) == ("speech.wav", "blob:")
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    link.click()
    wait_for(lambda: (tmp_path / "speech.wav").is_file())
    assert (tmp_path / "speech.wav").read_bytes()[44:] == want

    browser.execute_script("document.getElementById('player').play()")
    wait_for(lambda: browser.execute_script("return document.getElementById('player').currentTime") > 0.1)
    wide = browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0

    Select(at("voice")).select_by_value("eva")
    assert [option.text for option in Select(at("language")).options] == ["es-MX", "en-US"]
    assert (at("language").accessible_name, at("text").get_attribute("lang")) == ("Language", "es-MX")
    Select(at("language")).select_by_visible_text("en-US")
    at("speak").click()
    wait_for(lambda: at("speak").is_enabled())
    assert not at("error").is_displayed()
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [e["params"]["request"] for e in events if e["method"] == "Network.requestWillBeSent"]
    bodies = [json.loads(request["postData"]) for request in requests if "postData" in request]
    assert [(body["voice"], body.get("language")) for body in bodies[1:]] == [("ben", None), ("eva", "en-US")]
    asked = {request["url"] for request in requests}
    assert not [url for url in asked if not url.startswith((running.address, "data:", "blob:"))]
    severe = [entry["message"] for entry in browser.get_log("browser")]
    assert all("401" in message or "422" in message for message in severe), severe


# ---- its end; last ----


def test_ctrl_c_ends_it_and_frees_the_port(running):
    begun = time.monotonic()
    left = running.replicas()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert time.monotonic() - begun < 30
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", running.port))
    deadline = time.monotonic() + 10
    while any(process.is_running() for process in left):
        assert time.monotonic() < deadline
        time.sleep(0.1)
