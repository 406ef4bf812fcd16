"use strict";
// One utterance is in use at a time, and only its clips are loaded: browsers allow a page a few dozen players.
const utterances = [...document.querySelectorAll(".utterance")];
let here = null; // the utterance in use
let at = 0; // which of its clips

const clips = (utterance) => [...utterance.querySelectorAll(".clip")];
const player = (utterance, n) => clips(utterance)[n].querySelector("audio");
const playing = () => here !== null && !player(here, at).paused;

function enter(utterance) {
  if (utterance === here) return;
  if (here) leave();
  here = utterance;
  at = Math.min(at, clips(here).length - 1);
  for (const clip of clips(here)) {
    const audio = clip.querySelector("audio");
    audio.preload = "auto";
    audio.src = audio.dataset.src;
  }
  show();
}

function leave() {
  for (const clip of clips(here)) {
    const audio = clip.querySelector("audio");
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
    clip.querySelectorAll(".head").forEach((head) => (head.style.display = "none"));
    clip.classList.remove("current", "playing");
    clip.querySelector(".play").setAttribute("aria-pressed", "false");
  }
  here = null;
}

// Go to clip n of an utterance; `time` says where, else where the clip before it stood.
function go(utterance, n, { play = playing(), time = null } = {}) {
  if (utterance === here && time === null) time = player(here, at).ended ? 0 : player(here, at).currentTime;
  if (here) player(here, at).pause();
  enter(utterance);
  at = Math.min(n, clips(here).length - 1);
  const audio = player(here, at);
  audio.currentTime = Number.isFinite(audio.duration) ? Math.min(time ?? 0, audio.duration) : time ?? 0;
  if (play) audio.play().catch(() => {}); // an interrupted play is no error
  show();
}

function toggle() {
  if (!here) return go(utterances[nearest()], at, { play: true });
  if (playing()) player(here, at).pause();
  else player(here, at).play().catch(() => {});
  show();
}

// The first utterance of which something is on the screen.
function nearest() {
  const found = utterances.findIndex((utterance) => utterance.getBoundingClientRect().bottom > 120);
  return found < 0 ? utterances.length - 1 : found;
}

function step(by) {
  const next = here ? utterances.indexOf(here) + by : nearest();
  if (next < 0 || next >= utterances.length) return;
  go(utterances[next], at, { time: 0 });
  utterances[next].scrollIntoView({ block: "start", behavior: "smooth" });
}

function show() {
  if (!here) return;
  const audio = player(here, at);
  const share = (100 * audio.currentTime) / Number(here.dataset.seconds);
  clips(here).forEach((clip, n) => {
    clip.classList.toggle("current", n === at);
    clip.classList.toggle("playing", n === at && !audio.paused);
    clip.querySelector(".play").setAttribute("aria-pressed", String(n === at && !audio.paused));
    for (const head of clip.querySelectorAll(".head")) {
      head.style.left = share + "%";
      head.style.display = "block";
    }
  });
  if (!audio.paused) requestAnimationFrame(show);
}

for (const utterance of utterances) {
  clips(utterance).forEach((clip, n) => {
    clip.querySelector(".play").addEventListener("click", () => {
      if (utterance === here && n === at) toggle();
      else go(utterance, n, { play: true });
    });
    clip.querySelector(".pictures").addEventListener("click", (event) => {
      const box = clip.querySelector(".strip").getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
      go(utterance, n, { time: share * Number(utterance.dataset.seconds) });
    });
    for (const name of ["pause", "ended", "seeked"]) clip.querySelector("audio").addEventListener(name, show);
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !utterances.length) return;
  if (event.key === " ") {
    if (event.target.closest("button, summary, a")) return; // they know what space means
    toggle();
  } else if (event.key >= "1" && event.key <= "9" && event.key.length === 1) {
    const utterance = here ?? utterances[nearest()];
    if (Number(event.key) > clips(utterance).length) return;
    go(utterance, Number(event.key) - 1);
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  } else return;
  event.preventDefault();
});
