// What the page shows. All of it stands in the address behind `#`, so a link is all there is to keep.
const FIRST_NOISES = [1, 2, 3, 4, 5, 6, 7, 8];
const SWAP_COLUMNS = 4;

const state = {
  caption: "",
  shortened: false,
  models: [{ run: 0, checkpoint: null }],
  mode: "images",
  noises: [...FIRST_NOISES],
  pinned: new Set(),
  swaps: [],
  to: "",
  ends: [1, 1],
  steps: 12,
  sampling: null,
  extras: {},
  selected: "0:0",
  word: null,
  pointed: null,
  difference: false,
};
let runs = [];
let limits = {};

const nameOf = ({ run, checkpoint }) => runs[run].name + (checkpoint ? `@${checkpoint}` : "");
const shownCheckpoint = (model) => model.checkpoint ?? runs[model.run].checkpoint;

// Noises of a word swap: the pinned ones, or else the first.
function swapNoises() {
  const pinned = state.noises.filter((noise) => state.pinned.has(noise));
  return (pinned.length ? pinned : state.noises).slice(0, SWAP_COLUMNS);
}

function writeAddress() {
  const fields = new URLSearchParams();
  fields.set("caption", state.caption);
  state.models.forEach((model) => fields.append("run", nameOf(model)));
  if (state.mode !== "images") fields.set("mode", state.mode);
  if (String(state.noises) !== String(FIRST_NOISES)) fields.set("noises", state.noises.join(","));
  if (state.pinned.size) fields.set("pinned", [...state.pinned].join(","));
  state.swaps.forEach(([word, other]) => fields.append("swap", `${word}=${other}`));
  if (state.to) fields.set("to", state.to);
  if (state.ends.some((noise) => noise !== 1)) fields.set("ends", state.ends.join(","));
  if (state.steps !== 12) fields.set("steps", state.steps);
  if (state.sampling) fields.set("sampling", [state.sampling.truncation ?? "", state.sampling.scale].join(","));
  Object.entries(state.extras).forEach(([name, numbers]) => fields.append("with", `${name}=${numbers.join(",")}`));
  if (state.selected !== "0:0") fields.set("selected", state.selected);
  history.replaceState(null, "", `#${fields}`);
}

// What is missing or malformed in an address keeps its first value.
function readAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const seeds = (text) => (text ?? "").split(",").filter((part) => /^\d{1,16}$/.test(part)).map(Number).filter((seed) => seed <= limits.seed);
  state.caption = (fields.get("caption") ?? runs[0].examples[0] ?? "").slice(0, limits.characters);
  const models = fields.getAll("run").map(modelNamed).filter((model) => model !== null).slice(0, 2);
  if (models.length) state.models = models;
  if (["swap", "walk"].includes(fields.get("mode"))) state.mode = fields.get("mode");
  const noises = [...new Set(seeds(fields.get("noises")))].slice(0, FIRST_NOISES.length);
  if (noises.length === FIRST_NOISES.length) state.noises = noises;
  state.pinned = new Set(seeds(fields.get("pinned")).filter((noise) => state.noises.includes(noise)));
  state.swaps = fields.getAll("swap").map((text) => text.split("=")).filter((pair) => pair.length === 2 && pair.every((word) => word.trim())).slice(0, limits.swaps);
  state.to = (fields.get("to") ?? "").slice(0, limits.characters);
  const ends = seeds(fields.get("ends"));
  if (ends.length === 2) state.ends = ends;
  const steps = Number(fields.get("steps"));
  if (Number.isInteger(steps) && steps >= 2 && steps <= limits.steps) state.steps = steps;
  state.sampling = samplingIn(fields.get("sampling"));
  for (const text of fields.getAll("with")) {
    const [name, numbers] = text.split("=");
    if (numbers && name in runs[state.models[0].run].extras) state.extras[name] = numbers.split(",").map(Number).filter(Number.isFinite);
  }
  if (/^\d{1,2}:\d{1,2}$/.test(fields.get("selected") ?? "")) state.selected = fields.get("selected");
}

function modelNamed(text) {
  const place = runs.findIndex((run) => text === run.name || text.startsWith(`${run.name}@`));
  if (place < 0) return null;
  const checkpoint = text.slice(runs[place].name.length + 1) || null;
  return { run: place, checkpoint: runs[place].checkpoints.includes(checkpoint) ? checkpoint : null };
}

function samplingIn(text) {
  const [truncation, scale] = (text ?? "").split(",").map((part) => (part === "" ? null : Number(part)));
  if (text === null || !(scale >= 0 && scale <= 100)) return null;
  return { truncation: truncation > 0 && truncation <= 100 ? truncation : null, scale };
}
