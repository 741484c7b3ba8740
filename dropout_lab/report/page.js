"use strict";
// Everything shown is in DATA and in the table's rows; this file sorts, filters and draws them.
const DATA = JSON.parse(document.getElementById("data").textContent);
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a8a8a"];
const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross"];
const STORED = "dropout_lab " + DATA.sweeps.map((sweep) => sweep.workdir).join(" ");
const byId = (id) => document.getElementById(id);
const rows = [...document.querySelectorAll("#trials tbody tr")];
const trialOf = new Map(rows.map((row, index) => [row, DATA.trials[index]]));
const title = Object.fromEntries([...DATA.metrics, ...DATA.curves].map(([name, text]) => [name, text]));
const state = { sort: null, search: "", filters: {}, chosen: [], selects: {}, theme: null, y: 0 };

try {
  // What a reader has chosen survives the reloads that follow a running sweep.
  Object.assign(state, JSON.parse(sessionStorage.getItem(STORED)) || {});
} catch { /* without storage a page starts afresh */ }

function save() {
  state.y = window.scrollY;
  try { sessionStorage.setItem(STORED, JSON.stringify(state)); } catch { /* as above */ }
}

function visible() {
  return rows.filter((row) => !row.hidden).map((row) => trialOf.get(row));
}

function filter() {
  const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const trial = trialOf.get(row);
    const text = row.textContent.toLowerCase();
    const fits = Object.entries(state.filters).every(
      ([key, value]) => !value || (key === "state" ? trial.state : trial.settings[key]) === value);
    row.hidden = !(fits && words.every((word) => text.includes(word)));
  }
  byId("count").textContent = `${visible().length} of ${rows.length} trials`;
  drawAll();
}

function sortValue(trial, column) {
  const [kind, name] = column;
  if (kind === "value") return trial.values[name] ?? null;
  if (kind === "state") return trial.state;
  const text = trial.settings[name];
  return DATA.numeric.includes(name) ? (text === "None" ? null : Number(text)) : text;
}

function sort() {
  if (!state.sort) return;
  const [column, sign] = state.sort;
  const order = rows.map((row, index) => [sortValue(trialOf.get(row), column), index, row]);
  order.sort(([a, i], [b, j]) => {
    if (a === null || b === null) return (a === null) - (b === null) || i - j; // none come last
    return sign * (a < b ? -1 : a > b ? 1 : 0) || i - j;
  });
  byId("trials").tBodies[0].append(...order.map(([, , row]) => row));
  for (const head of document.querySelectorAll("#trials thead th[data-column]")) {
    const same = head.dataset.column === JSON.stringify(column);
    if (same) head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
}

function look() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--text"), size: 12 },
    margin: { l: 56, r: 12, t: 12, b: 44 }, hovermode: "closest",
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 } },
    xaxis: { ...axis }, yaxis: { ...axis },
  };
}

const OPTIONS = { displayModeBar: false, responsive: true };

function groupBy(items, key) {
  const found = new Map();
  for (const item of items) {
    const name = key(item);
    found.set(name, [...(found.get(name) || []), item]);
  }
  return found;
}

function mean(numbers) { return numbers.reduce((sum, x) => sum + x, 0) / numbers.length; }

function deviation(numbers) {
  if (numbers.length < 2) return 0;
  const centre = mean(numbers);
  return Math.sqrt(numbers.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (numbers.length - 1));
}

// Means with deviations over the trials that differ in nothing but colour and x, and each trial.
function drawValues(id, metric, xKey, colourKey) {
  const layout = look();
  const numeric = DATA.numeric.includes(xKey);
  const known = visible().filter((trial) => metric in trial.values);
  const traces = [];
  let index = 0;
  for (const [name, members] of groupBy(known, (trial) => colourKey ? trial.settings[colourKey] : "all")) {
    const colour = COLOURS[index % COLOURS.length];
    const symbol = SYMBOLS[index % SYMBOLS.length];
    index += 1;
    const at = (trial) => numeric ? Number(trial.settings[xKey]) : xKey ? trial.settings[xKey] : "";
    let points = [...groupBy(members, at)];
    if (numeric) points = points.filter(([x]) => !Number.isNaN(x)).sort(([a], [b]) => a - b);
    const values = points.map(([, trials]) => trials.map((trial) => trial.values[metric]));
    const dots = points.flatMap(([x, trials]) => trials.map((trial) => [x, trial]));
    traces.push({
      x: points.map(([x]) => x), y: values.map(mean), name, legendgroup: name, type: "scatter",
      mode: numeric ? "lines+markers" : "markers", line: { color: colour },
      marker: { color: colour, symbol, size: 9 },
      error_y: { type: "data", array: values.map(deviation), color: colour, thickness: 1.2 },
      customdata: values.map((numbers) => [deviation(numbers).toPrecision(3), numbers.length]),
      hovertemplate: "%{y:.4g} ± %{customdata[0]} (n = %{customdata[1]})",
    }, {
      x: dots.map(([x]) => x), y: dots.map(([, trial]) => trial.values[metric]), name,
      legendgroup: name, showlegend: false, type: "scatter", mode: "markers",
      marker: { color: colour, size: 5, opacity: 0.35 },
      text: dots.map(([, trial]) => Object.entries(trial.settings).map((pair) => pair.join(" = ")).join("<br>")),
      hovertemplate: "%{text}<br>%{y:.4g}",
    });
  }
  layout.xaxis.title = { text: xKey };
  layout.yaxis.title = { text: title[metric] };
  if (!numeric) layout.xaxis.type = "category";
  Plotly.react(byId(id), traces, layout, OPTIONS);
}

function drawCurves() {
  const value = byId("curve-value").value;
  const chosen = DATA.trials.filter((trial) => state.chosen.includes(trial.id) && trial.curves[value]);
  const layout = look();
  const differs = (key) => new Set(chosen.map((trial) => trial.settings[key])).size > 1;
  const keys = DATA.keys.filter((key) => chosen.length < 2 || differs(key));
  const traces = chosen.map((trial, index) => ({
    x: trial.curves.epoch, y: trial.curves[value], type: "scatter", mode: "lines",
    name: keys.map((key) => trial.settings[key]).join(", ") || trial.id,
    line: { color: COLOURS[index % COLOURS.length], dash: ["solid", "dash", "dot"][Math.floor(index / COLOURS.length) % 3] },
    hovertemplate: "epoch %{x}: %{y:.4g}",
  }));
  layout.xaxis.title = { text: "epoch" };
  layout.yaxis.title = { text: title[value] || "" };
  if (byId("curve-log").checked) layout.yaxis.type = "log";
  byId("curves-hint").hidden = chosen.length > 0;
  byId("curves").hidden = chosen.length === 0;
  if (chosen.length) Plotly.react(byId("curves"), traces, layout, OPTIONS);
}

function drawAll() {
  const pick = (id) => byId(id)?.value;
  if (byId("values")) drawValues("values", pick("value"), pick("x"), pick("colour"));
  if (byId("gaps")) drawValues("gaps", pick("gap"), pick("x"), pick("colour"));
  if (byId("curves")) drawCurves();
}

for (const head of document.querySelectorAll("#trials thead th[data-column]")) {
  head.querySelector("button").addEventListener("click", () => {
    const column = JSON.parse(head.dataset.column);
    const again = state.sort && JSON.stringify(state.sort[0]) === head.dataset.column;
    state.sort = [column, again ? -state.sort[1] : 1];
    sort();
  });
}
byId("search").value = state.search;
byId("search").addEventListener("input", (event) => { state.search = event.target.value; filter(); });
for (const select of document.querySelectorAll("select[data-filter]")) {
  select.value = state.filters[select.dataset.filter] || "";
  select.addEventListener("change", () => { state.filters[select.dataset.filter] = select.value; filter(); });
}
for (const control of document.querySelectorAll("[data-chart]")) {
  if (control.id in state.selects) control.value = state.selects[control.id];
  control.addEventListener("change", () => { state.selects[control.id] = control.value; drawAll(); });
}
for (const box of document.querySelectorAll("#trials input[type=checkbox]")) {
  box.checked = state.chosen.includes(box.value);
  box.addEventListener("change", () => {
    state.chosen = state.chosen.filter((id) => id !== box.value).concat(box.checked ? [box.value] : []);
    drawAll();
  });
}
byId("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme === "dark";
  state.theme = dark ? "light" : "dark";
  setTheme();
  drawAll();
});
for (const button of document.querySelectorAll("button[data-file]")) {
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([byId(button.dataset.file).textContent]));
    link.download = "again.py";
    link.click();
  });
}

function setTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const theme = state.theme || system;
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { setTheme(); drawAll(); });

setTheme();
sort();
filter();
window.scrollTo(0, state.y);
window.addEventListener("pagehide", save);
if (DATA.live) setTimeout(() => { save(); location.reload(); }, 10000);
