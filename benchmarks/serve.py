"""How `voxblocks serve` bears load on this machine: time to the first sound and to the last, and what a killed replica costs.

    python benchmarks/serve.py [GRAPH ... as for voxblocks serve] [--clients 1,4,16] [--requests 64] [--replicas 2]

Without arguments: graphs/speak.yaml --released. Clients and server share the machine. Each client asks again as soon as it was
answered, for sentences of 3 to 25 words in turn, as PCM. First sound: the first bytes of the body. Held: requests that were being
answered at once, when 200 came in the same moment. Lost: answers that were not 200, or not as long as the same sentence took
before, while a replica is killed under the load of the most clients.
"""

import argparse
import http.client
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks.timing import machine  # noqa: E402 - found by the line above

TEXTS = (
    "Where is she?",
    "The train leaves at nine.",
    "Please bring two apples and a loaf of bread.",
    "He said that the river was higher than anyone remembered.",
    "Nobody in the village knew who had built the little bridge, or when.",
    "After the rain stopped, we walked along the harbour and watched the boats come in one by one.",
    "If you listen closely, you can hear the old clock in the hall, which has been slow ever since the house was sold.",
)
RATE_BYTES = 2  # of a sample


@dataclass(frozen=True)
class Answer:
    text: int
    status: int
    first: float  # seconds
    whole: float
    size: int  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", default="1,4,16")
    parser.add_argument("--requests", type=int, default=64, help="for each number of clients")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a graph of tests, a few requests: to see that it runs")
    options, words = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        words = tiny(folder) if options.quick else words or [str(ROOT / "graphs/speak.yaml"), "--released"]
        print(machine())
        with Server([*words, "--replicas", str(options.replicas)], folder) as server:
            print(
                f"{' '.join(words).replace(f'{ROOT}/', '')}, {options.replicas} replicas: ready after {server.started:.1f} s"
            )
            counts = [1, 4] if options.quick else [int(count) for count in options.clients.split(",")]
            measure(server, counts, 8 if options.quick else options.requests)


def measure(server: "Server", counts: list[int], requests: int) -> None:
    sizes = {answer.text: answer.size for answer in load(server, 1, len(TEXTS))}  # and all is warm
    print("clients   first sound, s: p50   p95   whole, s: p50   p95   requests/s   s of speech/s   not 200")
    for count in counts:
        begun = time.perf_counter()
        answers = load(server, count, requests)
        took = time.perf_counter() - begun
        firsts, wholes = quantiles(answer.first for answer in answers), quantiles(answer.whole for answer in answers)
        spoken_s = sum(answer.size for answer in answers) / RATE_BYTES / server.rate
        bad = sum(answer.status != 200 for answer in answers)
        print(f"{count:7} {firsts[0]:21.3f} {firsts[1]:5.3f} {wholes[0]:15.3f} {wholes[1]:5.3f} {len(answers) / took:12.1f} {spoken_s / took:15.1f} {bad:9}")  # fmt: skip
    held = load(server, 200, 200)
    turned_away = sum(answer.status == 503 for answer in held)
    print(f"200 at once: {sum(a.status == 200 for a in held)} answered, {turned_away} told to come again (503), {200 - turned_away - sum(a.status == 200 for a in held)} other")  # fmt: skip
    before = quantiles(answer.whole for answer in load(server, counts[-1], requests))
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(server.kill_one, server.answered + requests // 4)
        answers = load(server, counts[-1], requests)
        killing.result()
    lost = sum(answer.status != 200 or answer.size != sizes[answer.text] for answer in answers)
    worst = max(answer.whole for answer in answers)
    print(
        f"a replica killed under {counts[-1]} clients: {lost} of {len(answers)} lost; longest {worst:.2f} s, p95 before {before[1]:.2f} s"
    )


def load(server: "Server", clients: int, requests: int) -> list[Answer]:
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(server.ask, itertools.islice(itertools.cycle(range(len(TEXTS))), requests)))


def quantiles(values) -> tuple[float, float]:
    """The median, and what 19 of 20 stay below."""
    values = sorted(values)
    return statistics.median(values), values[min(len(values) - 1, int(0.95 * len(values)))]


def tiny(folder: str) -> list[str]:
    """The graph of tests/serving, trained now."""
    from tests.serving.tiny import write_tiny

    os.environ["VOXBLOCKS_BLOCKS"] = str(ROOT / "tests/toys")
    words = [str(write_tiny(Path(folder))), "--store", f"{folder}/store"]
    command = [sys.executable, "-m", "runner", "run", *words, "--until", "voice"]
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return words


class Server:
    """`voxblocks serve` on a free port; Ctrl-C ends it."""

    def __init__(self, words: list[str], folder: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log, self.answered = Path(folder) / "serve.log", 0
        begun = time.perf_counter()
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "runner", "serve", *words, "--port", str(self.port)]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        while "Listening" not in self.log.read_text():
            if self.process.poll() is not None:
                sys.exit(self.log.read_text())
            time.sleep(0.1)
        self.started = time.perf_counter() - begun

    def __enter__(self) -> "Server":
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/info")
        self.rate = json.load(connection.getresponse())["limits"]["sample_rate"]
        return self

    def __exit__(self, *error) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def ask(self, text: int) -> Answer:
        body = json.dumps({"input": TEXTS[text], "response_format": "pcm"})
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            connection.request("POST", "/v1/audio/speech", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            head = answer.read(2)
            first = time.perf_counter() - begun
            size = len(head) + len(answer.read())
            return Answer(text, answer.status, first, time.perf_counter() - begun, size)
        except (OSError, http.client.HTTPException):  # cut off
            now = time.perf_counter() - begun
            return Answer(text, 0, now, now, 0)
        finally:
            self.answered += 1
            connection.close()

    def kill_one(self, after: int) -> None:
        """A replica, as soon as so many requests have been answered."""
        import psutil

        while self.answered < after:
            time.sleep(0.01)
        children = psutil.Process(self.process.pid).children(recursive=True)
        next(child for child in children if "ServeReplica:voxblocks:speaker" in " ".join(child.cmdline())).kill()


if __name__ == "__main__":
    main()
