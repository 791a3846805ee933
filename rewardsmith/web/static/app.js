// What HTML and htmx cannot do: draw the curves, copy a prompt, say what went wrong.
"use strict";

const drawn = new Map(); // by the id of the place: the data and what was drawn of it

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function strokes(chart) {
  let next = 0;
  const search = chart.series[0].kind === "points";
  return chart.series.map((one) => {
    if (one.kind === "points" || one.label === "untrained") return colour("--muted");
    if (search && one.kind === "steps") return colour("--accent");
    return colour("--curve-" + (next++ % 8));
  });
}

function series(chart) {
  const stroke = strokes(chart);
  const kinds = {
    points: () => ({ paths: () => null, points: { show: true, size: 8, fill: colour("--muted") } }),
    steps: () => ({ paths: uPlot.paths.stepped({ align: 1 }), width: 2.5, points: { show: chart.x.length < 2 } }),
    level: () => ({ dash: [6, 6], points: { show: chart.x.length < 2 } }),
    line: () => ({ points: { show: chart.x.length < 12, size: 5 } }),
  };
  const value = (_, v) => (v === null || v === undefined ? "–" : String(Number(v.toPrecision(3))));
  return chart.series.map((one, i) => ({
    label: one.label, stroke: stroke[i], width: 2, value, spanGaps: true, ...kinds[one.kind](),
  }));
}

function draw(place) {
  const text = place.dataset.chart;
  const before = drawn.get(place.id);
  if (before && before.text === text) { // nothing new: what stood there is put back, without a flicker
    place.replaceChildren(before.plot.root);
    before.fit(place);
    return;
  }
  const chart = JSON.parse(text);
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "12px system-ui, sans-serif" };
  const short = (_, values) => values.map((v) => (v === null ? "" : Math.abs(v) >= 1e6 ? v / 1e6 + " M" : Math.abs(v) >= 1e4 ? v / 1e3 + " k" : String(Number(v.toPrecision(6)))));
  const plot = new uPlot(
    {
      width: Math.max(place.clientWidth, 200),
      height: 260,
      scales: { x: { time: false } },
      axes: [
        { ...axis, values: short, ...(chart.x_label === "number" ? { incrs: [1, 2, 5, 10, 20, 50, 100] } : {}) },
        { ...axis, values: short, size: 58 },
      ],
      series: [{ label: chart.x_label, value: (_, v) => (v === null ? "–" : String(v)) }, ...series(chart)],
      cursor: { drag: { x: false, y: false } },
    },
    [chart.x, ...chart.series.map((one) => one.values)],
    place,
  );
  const fit = (where) => {
    const width = Math.max(where.clientWidth, 200);
    if (width !== plot.width) plot.setSize({ width, height: 260 });
  };
  new ResizeObserver(() => plot.root.parentElement && fit(plot.root.parentElement)).observe(place);
  drawn.set(place.id, { text, plot, fit });
}

async function copy(button) {
  const from = document.getElementById(button.dataset.copy);
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(from.value);
    button.textContent = "Copied";
  } catch { // browsers give the clipboard to https and loopback only
    from.focus();
    from.select();
    button.textContent = "Selected: press Ctrl-C";
  }
  setTimeout(() => { button.textContent = words; }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

document.addEventListener("htmx:responseError", (event) => {
  const place = event.detail.target;
  if (place && place.tagName === "OUTPUT") place.textContent = event.detail.xhr.responseText.trim();
});

htmx.onLoad((root) => {
  const places = root.matches(".plot") ? [root] : root.querySelectorAll(".plot");
  places.forEach(draw);
});
