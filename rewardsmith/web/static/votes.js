// The voting booth: films that run together, and keys for every answer.
"use strict";

function films() {
  return [...document.querySelectorAll("#ballot video")];
}

function begin(ballot) {
  const all = films();
  if (all.length) together(all);
  // After an answer the focus would be nowhere; on a button, Space would vote.
  if (document.activeElement === document.body) ballot.querySelector("p").focus({ preventScroll: true });
}

function together(all) {
  const play = document.getElementById("play");
  const scrub = document.getElementById("scrub");
  const speed = document.getElementById("speed");
  const longest = () => Math.max(...all.map((film) => film.duration || 0), 0.1);
  let going = true;

  const run = (on) => {
    going = on;
    play.textContent = on ? "Pause" : "Play";
    // One that is over waits at its end for the others.
    all.forEach((film) => (on ? !film.ended && film.play().catch(() => {}) : film.pause()));
  };
  const seek = (time) => all.forEach((film) => { film.currentTime = Math.min(time, film.duration || 0); });
  const replay = () => { seek(0); run(true); };

  all.forEach((film) => {
    film.addEventListener("ended", () => {
      if (all.every((other) => other.ended) && going) setTimeout(() => going && all[0].isConnected && replay(), 500);
    });
    film.addEventListener("timeupdate", () => {
      const now = Math.max(...all.map((other) => other.currentTime));
      if (document.activeElement !== scrub || going) scrub.value = String((1000 * now) / longest());
      // Kept together: who lags by more than two frames is moved.
      if (going && !film.ended && now - film.currentTime > 0.25) film.currentTime = Math.min(now, film.duration);
    });
  });
  play.addEventListener("click", () => (all.every((film) => film.ended) ? replay() : run(!going)));
  document.getElementById("replay").addEventListener("click", replay);
  const pace = () => all.forEach((film) => { film.defaultPlaybackRate = film.playbackRate = Number(speed.value); });
  speed.addEventListener("change", pace);
  scrub.addEventListener("input", () => { run(false); seek((longest() * Number(scrub.value)) / 1000); });
  pace();
  run(true);
}

function press(selector) {
  const found = document.querySelector(selector);
  if (found) found.click();
  return Boolean(found);
}

const KEYS = {
  ArrowLeft: "#ballot [value=left]",
  ArrowRight: "#ballot [value=right]",
  t: "#ballot [value=tie]",
  c: "#ballot [value=cannot-tell]",
  1: "#ballot [name=strength][value='1']",
  2: "#ballot [name=strength][value='2']",
  3: "#ballot [name=strength][value='3']",
  r: "#replay",
  " ": "#play",
  u: "#undo",
};

document.addEventListener("keydown", (event) => {
  const writing = event.target.closest("textarea, select, input:not([type=radio]):not([type=checkbox])");
  if (writing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  // Space presses the button that has the focus, as everywhere.
  if (event.key === " " && event.target.closest("button, a, input, summary")) return;
  const selector = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (selector && press(selector)) event.preventDefault();
});

htmx.onLoad((root) => {
  const ballot = root.matches("#ballot") ? root : root.querySelector("#ballot");
  if (ballot && !ballot.dataset.begun) {
    ballot.dataset.begun = "yes";
    begin(ballot);
  }
});
