// The three modes: eight images, swapped words, and a walk. Each asks every model, and fills tiles as they come.
const newestImages = new Newest();

function modelTitle(model) {
  return `${runs[state.models[model].run].name} · ${shownCheckpoint(state.models[model])}`;
}

function questionOf(model) {
  return { ...state.models[model], sampling: state.sampling, extras: extrasOf(state.models[model].run) };
}

// Only the inputs that the run takes.
function extrasOf(run) {
  return Object.fromEntries(Object.entries(state.extras).filter(([name]) => name in runs[run].extras));
}

async function refresh() {
  const signal = newestImages.start();
  writeAddress();
  if (!state.caption.trim()) {
    showProblems([]);
    report("");
    tiles = [];
    document.getElementById("results").replaceChildren();
    renderDetail();
    return;
  }
  const begun = performance.now();
  const walking = state.mode === "walk";
  prepareTiles();
  report("Generating…");
  try {
    await Promise.all(state.models.map((_, model) => (walking ? askWalk(model, signal) : askImages(model, signal))));
    if (signal.aborted) return;
    showProblems([]);
    const count = tiles.length;
    report(`${count} images in ${((performance.now() - begun) / 1000).toFixed(2)} s.`);
    if (walking) showStep();
    renderDetail();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Refusal)) throw error;
    showProblems(error.problems);
    report("");
  }
}

function askImages(model, signal) {
  const swapping = state.mode === "swap";
  const question = { ...questionOf(model), caption: state.caption, swaps: swapping ? state.swaps : [], noises: swapping ? swapNoises() : state.noises };
  return askLines("api/images", question, signal, ({ row, column, sample }) => fillTile(model, `${row}:${column}`, sample));
}

function askWalk(model, signal) {
  return askLines("api/walk", walkQuestion(model), signal, ({ column, sample }) => fillTile(model, `0:${column}`, sample));
}

function walkQuestion(model) {
  return { ...questionOf(model), captions: [state.caption, state.to.trim() || state.caption], noises: state.ends, steps: state.steps };
}

function fillTile(model, key, sample) {
  const tile = tiles.find((candidate) => candidate.model === model && candidate.key === key);
  tile.set(sample);
  // all of a word swap's differences are to the first row
  if (state.difference) tiles.forEach((other) => other.overlay());
  if (key === state.selected) renderDetail();
  if (state.mode === "walk") showStep();
}

// New tiles show the images before them, dimmed, until they have their own.
function prepareTiles() {
  const before = tiles;
  const layout = { images: imagesLayout, swap: swapLayout, walk: walkLayout }[state.mode];
  tiles = [];
  const blocks = state.models.map((_, model) => {
    const title = state.models.length > 1 ? make("h2", { class: "model-name" }, modelTitle(model)) : null;
    return make("section", { class: "block", "aria-label": modelTitle(model) }, title, layout(model));
  });
  tiles.forEach((tile) => {
    const old = before.find((candidate) => candidate.model === tile.model && candidate.key === tile.key);
    if (old?.sample) tile.set(old.sample, true);
  });
  if (!tiles.some((tile) => tile.key === state.selected)) state.selected = "0:0";
  tiles.forEach((tile) => tile.mark());
  const results = document.getElementById("results");
  const focused = document.activeElement?.closest("#results") ? document.activeElement.getAttribute("aria-label") : null;
  results.className = `${state.mode} ${state.models.length > 1 ? "compared" : ""}`;
  results.setAttribute("aria-labelledby", `tab-${state.mode}`);
  results.replaceChildren(...blocks);
  if (focused) results.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  if (state.mode === "walk") showStep();
}

function addTile(options) {
  const tile = makeTile(options);
  tiles.push(tile);
  return tile.element;
}

function imagesLayout(model) {
  return make(
    "div",
    { class: "grid" },
    state.noises.map((noise, column) => addTile({ model, key: `0:${column}`, label: `noise ${noise}`, pinnable: noise })),
  );
}

function swapLayout(model) {
  const noises = swapNoises();
  const rows = [null, ...state.swaps].map((swap, row) =>
    make(
      "div",
      { class: "swap-row" },
      make("h3", { class: "caption" }, swap ? [`${row}. `, make("span", {}, swap[0]), " → ", make("strong", {}, swap[1])] : state.caption),
      make("div", { class: "grid" }, noises.map((noise, column) => addTile({ model, key: `${row}:${column}`, label: `noise ${noise}` }))),
    ),
  );
  return make("div", { class: "swap-rows" }, rows);
}

function walkLayout(model) {
  const img = make("img", { alt: "", width: 64, height: 64 });
  const steps = Array.from({ length: state.steps }, (_, step) => addTile({ model, key: `0:${step}`, label: `step ${step + 1}` }));
  return make("div", { class: "walked" }, make("div", { class: "frame cinema", "data-model": model }, img), make("div", { class: "grid strip" }, steps));
}

// The image of the step that the slider is at, large.
function showStep() {
  const step = Number(state.selected.split(":")[1]);
  document.querySelectorAll(".cinema").forEach((frame) => {
    const tile = tiles.find((candidate) => candidate.model === Number(frame.dataset.model) && candidate.key === `0:${step}`);
    const img = frame.querySelector("img");
    if (tile?.sample) Object.assign(img, { src: finalStage(tile.sample).image, alt: tile.sample.caption });
  });
  const slider = document.getElementById("step");
  if (slider) slider.value = step;
}
