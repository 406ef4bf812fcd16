"""A report in a real browser: it plays, its keys switch between systems, and it asks the network for nothing."""

import json
import time

import pytest

from tests.browser import chromium, needs_chromium
from tests.runner.report_run import run_tones, run_training

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Store and record of the run, a browser, and the address of the report."""
    from runner.report import write_report

    store, record = run_tones(tmp_path_factory.mktemp("tones"))
    path = write_report(store, record, tmp_path_factory.mktemp("page") / "report.html")
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield store, record, browser, path.as_uri()


@pytest.fixture
def browser(run):
    """Its page, as new."""
    _, _, found, address = run
    found.get("about:blank")
    found.get(address)
    return found


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def clips(browser) -> list[dict]:
    """Position, length and state of every clip of the utterance in use."""
    return browser.execute_script(
        "return clips(here).map(clip => { const a = clip.querySelector('audio');"
        " return {at: a.currentTime, length: a.duration, paused: a.paused, error: a.error && a.error.message,"
        "         current: clip.classList.contains('current'), head: clip.querySelector('.head').style.left}; })"
    )


def wait_for(question, browser, seconds: float = 10.0):
    """The clips, once `question` is true of them."""
    end = time.monotonic() + seconds
    while not question(found := clips(browser)):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def button(browser, utterance: int, clip: int):
    from selenium.webdriver.common.by import By

    return browser.find_elements(By.CLASS_NAME, "utterance")[utterance].find_elements(By.CLASS_NAME, "play")[clip]


def test_a_clip_plays_from_start_to_end(browser, run):
    store, record, *_ = run
    table = store.find_table(record["nodes"]["soft"]["digest"])
    button(browser, 0, 1).click()
    first = wait_for(lambda all: all[1]["at"] > 0.05, browser)[1]
    then = wait_for(lambda all: all[1]["at"] > first["at"] + 0.1, browser)[1]
    assert first["error"] is None
    assert not first["paused"]
    assert then["length"] == pytest.approx(len(table.get(table.ids[0])["wave"]) / 16000, abs=1e-3)
    assert float(then["head"].rstrip("%")) > 0
    assert button(browser, 0, 1).get_attribute("aria-pressed") == "true"
    end = wait_for(lambda all: all[1]["paused"], browser)[1]
    assert end["at"] == pytest.approx(end["length"], abs=0.05)


def test_number_keys_switch_systems_at_the_same_position(browser):
    button(browser, 3, 0).click()
    before = wait_for(lambda all: all[0]["at"] > 0.3, browser)[0]
    press(browser, "2")
    after = wait_for(lambda all: all[1]["current"] and not all[1]["paused"], browser)
    assert after[0]["paused"]
    assert after[1]["at"] >= before["at"]
    press(browser, "3")
    after = wait_for(lambda all: all[2]["current"] and not all[2]["paused"], browser)
    assert [clip["paused"] for clip in after] == [True, True, False]
    press(browser, "9")  # there is no ninth
    assert [clip["current"] for clip in clips(browser)] == [False, False, True]


def test_space_toggles_and_j_goes_on(browser):
    press(browser, " ")
    wait_for(lambda all: all[0]["at"] > 0.05, browser)
    press(browser, " ")
    stopped = wait_for(lambda all: all[0]["paused"], browser)[0]["at"]
    time.sleep(0.2)
    assert clips(browser)[0]["at"] == stopped
    press(browser, "2")  # changes the system without a sound
    assert [clip["paused"] for clip in clips(browser)] == [True] * 3
    press(browser, "j", " ")
    wait_for(lambda all: all[1]["current"] and not all[1]["paused"], browser)
    assert browser.execute_script("return utterances.indexOf(here)") == 1
    # Only the utterance in use holds players.
    assert browser.execute_script("return document.querySelectorAll('audio[src]').length") == 3


def test_space_on_a_button_is_one_click(browser):
    browser.execute_script("arguments[0].focus()", button(browser, 0, 0))
    press(browser, " ")
    wait_for(lambda all: all[0]["at"] > 0.05 and not all[0]["paused"], browser)
    press(browser, " ")
    wait_for(lambda all: all[0]["paused"], browser)


def test_a_click_into_a_picture_goes_there(browser):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    picture = browser.find_elements(By.CLASS_NAME, "mel")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
    ActionChains(browser).move_to_element(picture).click().perform()
    at = wait_for(lambda all: all[0]["current"] and all[0]["at"] > 0, browser)[0]
    assert at["at"] == pytest.approx(0.5, abs=0.02)  # the middle of a second
    assert at["paused"]


def test_the_score_table_reads_as_it_was_computed(browser, run):
    from selenium.webdriver.common.by import By

    from runner.report.page import number

    means = run[1]["results"]["scores"]["means"]
    rows = browser.find_elements(By.CSS_SELECTOR, "table.scores tbody tr")
    assert [row.find_element(By.TAG_NAME, "th").text for row in rows] == [mean["system"] for mean in means]
    for row, mean in zip(rows, means):
        cell = row.find_element(By.TAG_NAME, "td").text.split("\n")
        assert cell == [
            number(mean["mean"]),
            f"[{number(mean['low'])}, {number(mean['high'])}]",
            f"n {mean['n']}",
        ]


def test_every_picture_is_decoded(browser):
    sizes = browser.execute_script(
        "return Promise.all([...document.images].map(i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])))"
    )
    assert len(sizes) == 15
    assert all(width >= 80 and height == 80 for width, height in sizes)


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_sticks_out_of_the_page(browser, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


def test_a_hebrew_text_runs_from_the_right(browser):
    from selenium.webdriver.common.by import By

    texts = browser.find_elements(By.CLASS_NAME, "text")
    directions = [browser.execute_script("return getComputedStyle(arguments[0]).direction", text) for text in texts]
    assert directions == ["ltr", "ltr", "rtl", "ltr", "ltr"]
    assert texts[1].text == '<script>alert("no")</script> & more'


def test_learning_curves_are_drawn_with_the_best_step(run, tmp_path):
    pytest.importorskip("torch")
    from runner.report import write_report

    browser = run[2]
    store, record = run_training(tmp_path)
    browser.get(write_report(store, record, tmp_path / "training.html").as_uri())
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('.chart')].map(c => { const box = c.querySelector('svg').getBoundingClientRect();"
        " const inside = [...c.querySelectorAll('path')].map(p => p.getBoundingClientRect()).every(b =>"
        "   b.left >= box.left - 3 && b.right <= box.right + 3 && b.top >= box.top - 3 && b.bottom <= box.bottom + 3);"
        " const best = c.querySelector('line.best-step').getBoundingClientRect();"
        " return {width: box.width, inside, best: (best.left + best.width / 2 - box.left) / box.width,"
        "         lengths: [...c.querySelectorAll('path')].map(p => p.getTotalLength())}; })"
    )
    (loss,) = drawn
    best = json.loads(store.files.read(f"artifacts/{record['nodes']['model']['digest']}/metrics.json"))["best"]
    assert loss["width"] > 200
    assert loss["inside"]
    assert all(length > 500 for length in loss["lengths"]), "train and val, from left to right"
    assert loss["best"] == pytest.approx(best["step"] / 60, abs=0.01)
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.get_log("browser") == []


def test_no_request_leaves_the_page_and_the_console_stays_empty(browser):
    """Last: it reads what all the tests above have caused, too."""
    press(browser, "1", " ", "2", "j", "3")
    time.sleep(0.5)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert asked
    assert not [url[:60] for url in asked if not url.startswith(("data:", "file:"))]
    assert len([url for url in asked if url.startswith("file:")]) == 2, "the two reports"
    assert browser.get_log("browser") == []
