// Generated images: each a button that selects it, with the map of a word over it.
let tiles = [];

// The view of an image that shows a word: its last stage with attention or, without one, the matching.
function lastMaps(sample) {
  const attending = sample.stages.filter((stage) => stage.maps);
  return attending.length ? attending[attending.length - 1].maps : sample.regions;
}

const finalStage = (sample) => sample.stages[sample.stages.length - 1];

function makeTile({ model, key, label, pinnable = null }) {
  const img = make("img", { alt: "", width: 64, height: 64 });
  const canvas = make("canvas", { "aria-hidden": "true" });
  const button = make("button", { type: "button", class: "pick", "aria-label": label, onclick: () => select(key) }, make("span", { class: "frame" }, img, canvas));
  const caption = make("figcaption", { class: "quiet small" }, make("span", {}, label), pinnable === null ? null : pinButton(pinnable));
  const tile = { model, key, sample: null, element: make("figure", { class: "tile empty" }, button, caption) };
  tile.set = (sample, stale = false) => {
    tile.sample = sample;
    tile.element.classList.remove("empty");
    tile.element.classList.toggle("stale", stale);
    img.src = finalStage(sample).image;
    img.alt = sample.caption;
    tile.overlay();
  };
  tile.overlay = () => {
    const place = shownPlace();
    const shown = tile.sample && place !== null && !state.difference ? positionsOf(place, model, tile.sample) : [];
    overlayMaps(canvas, tile.sample && lastMaps(tile.sample), shown);
    if (tile.sample && state.difference) overlayDifference(canvas, tile);
  };
  tile.mark = () => button.setAttribute("aria-pressed", String(key === state.selected));
  tile.mark();
  button.addEventListener("keydown", (event) => moveAmongTiles(event, tile));
  return tile;
}

function pinButton(noise) {
  const button = make("button", { type: "button", class: "plain pin", "data-noise": noise, "aria-label": `Pin noise ${noise}`, onclick: () => togglePin(noise) });
  markPin(button, noise);
  return button;
}

function markPin(button, noise) {
  const pinned = state.pinned.has(noise);
  button.setAttribute("aria-pressed", String(pinned));
  button.textContent = pinned ? "pinned" : "pin";
}

function togglePin(noise) {
  if (!state.pinned.delete(noise)) state.pinned.add(noise);
  document.querySelectorAll(".pin").forEach((button) => markPin(button, Number(button.dataset.noise)));
  writeAddress();
}

function select(key) {
  state.selected = key;
  tiles.forEach((tile) => tile.mark());
  renderDetail();
  if (state.mode === "walk") showStep();
  writeAddress();
}

function moveAmongTiles(event, tile) {
  const siblings = tiles.filter((other) => other.model === tile.model);
  const columns = getComputedStyle(tile.element.parentElement).gridTemplateColumns.split(" ").length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  const next = siblings[siblings.indexOf(tile) + (steps[event.key] ?? NaN)];
  if (!next) return;
  event.preventDefault();
  next.element.querySelector(".pick").focus();
  select(next.key);
}

// The weights of some words together, from the lowest to the highest; a map that is even all over is black.
function overlayMaps(canvas, maps, positions) {
  canvas.classList.toggle("shown", positions.length > 0 && Boolean(maps?.peak.length));
  if (!canvas.classList.contains("shown")) return;
  whenLoaded(maps, () => {
    const cells = positions.map((position) => weightsOf(maps, position, false));
    const sums = cells[0].map((_, cell) => cells.reduce((sum, weights) => sum + weights[cell], 0));
    const large = enlarge(sums, maps.width, maps.height, TILE_SIDE);
    const lowest = large.reduce((least, value) => Math.min(least, value), Infinity);
    const spread = highest(large) - lowest;
    paint(canvas, large.map((value) => value - lowest), TILE_SIDE, TILE_SIDE, Math.max(spread, 0.02 * highest(large)), "light");
  });
}
const TILE_SIDE = 128;

// Dark where an image equals the one of the original caption and the same noise.
function overlayDifference(canvas, tile) {
  const [row, column] = tile.key.split(":");
  const original = tiles.find((other) => other.model === tile.model && other.key === `0:${column}`)?.sample;
  if (row === "0" || !original) return;
  Promise.all([pixelsOf(finalStage(original).image), pixelsOf(finalStage(tile.sample).image)]).then(([before, after]) => {
    if (!state.difference) return;
    const values = Float32Array.from({ length: before.width * before.height }, (_, place) => {
      const channels = [0, 1, 2].map((channel) => Math.abs(before.data[4 * place + channel] - after.data[4 * place + channel]));
      return Math.max(...channels) / 255;
    });
    paint(canvas, values, before.width, before.height, CHANGE, "light");
    canvas.classList.add("shown");
  });
}

const CHANGE = 0.4; // of a channel's range: all of that is shown at full light

async function pixelsOf(source) {
  const image = Object.assign(new Image(), { src: source });
  await image.decode();
  const canvas = make("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}
