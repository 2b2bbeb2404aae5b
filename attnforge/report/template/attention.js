// Words and pixels: pointing at a word highlights the pixels that attend to it.
const view = { style: "light", scale: "own", weights: "all", pixels: "sharp", redraw: [] };

function attentionSection(samples) {
  const redrawAll = () => view.redraw.forEach((redraw) => redraw());
  return section(
    "words",
    "Words and pixels",
    make(
      "p",
      { class: "lead" },
      "Point at a word to see which pixels attend to it; click or tap to pin it. ",
      "With the keyboard: Tab to a caption, arrow keys between words, Enter to pin, Escape to clear. ",
      "The bars above a word are its share of all attention, one bar for each stage; the peak is the highest attention of a single pixel. ",
      samples.some((sample) => sample.regions)
        ? "Next to the stages are the regions of the final image where the run's own matching finds the word, with the part of its weight above a uniform spread."
        : "",
    ),
    make(
      "div",
      { class: "choices" },
      choice("Show as", "style", { light: "on dark", pale: "on pale", heat: "heat" }, view.style, (value) => {
        view.style = value;
        redrawAll();
      }),
      choice("Scale", "scale", { own: "per word", all: "the same for all" }, view.scale, (value) => {
        view.scale = value;
        redrawAll();
      }),
      choice("Weights", "weights", { all: "all", above: "above the uniform share" }, view.weights, (value) => {
        view.weights = value;
        redrawAll();
      }),
      choice("Pixels", "pixels", { sharp: "sharp", smooth: "smooth" }, view.pixels, (value) => {
        view.pixels = value;
        document.body.classList.toggle("smooth", value === "smooth");
        redrawAll();
      }),
    ),
    make("div", { class: "samples" }, samples.map(sampleCard)),
  );
}

function sampleCard(sample, number) {
  const stages = viewsOf(sample).map(stageFigure);
  const state = { pointed: null, pinned: null };
  const readout = make("p", { class: "hidden", role: "status" });
  const largest = Math.max(0, ...sample.stages.flatMap((stage) => (stage.maps ? stage.maps.share : [])));
  const buttons = sample.words.map((word, index) =>
    make(
      "button",
      {
        type: "button",
        class: "word",
        "aria-pressed": "false",
        "aria-label": `${word}: ${description(sample, index)}`,
        tabindex: index === 0 ? "0" : "-1",
      },
      make("span", { class: "bars", "aria-hidden": "true" }, shareBars(sample, index, largest)),
      make("span", {}, word),
    ),
  );
  const update = () => {
    const shown = state.pointed ?? state.pinned;
    buttons.forEach((button, index) => {
      button.classList.toggle("shown", index === shown);
      button.setAttribute("aria-pressed", String(index === state.pinned));
    });
    stages.forEach((stage) => stage.show(shown));
    readout.textContent = shown === null ? "" : `“${sample.words[shown]}”: ${description(sample, shown)}`;
  };
  buttons.forEach((button, index) => {
    const point = () => { state.pointed = index; update(); };
    const leave = () => { state.pointed = null; update(); };
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && point());
    button.addEventListener("pointerleave", leave);
    button.addEventListener("focus", point);
    button.addEventListener("blur", leave);
    button.addEventListener("click", () => {
      state.pinned = state.pinned === index ? null : index;
      state.pointed = null;
      update();
    });
    button.addEventListener("keydown", (event) => moveFocus(event, buttons, index, () => {
      state.pinned = state.pointed = null;
      update();
    }));
  });
  view.redraw.push(update);
  const attends = sample.stages.some((stage) => stage.maps);
  return make(
    "article",
    { class: "card sample", "aria-label": `image ${number + 1}` },
    make("h3", { class: "caption" }, sample.caption),
    make("div", { class: "words", role: "toolbar", "aria-label": "Words of the caption" }, buttons),
    make("div", { class: "stages" }, stages.map((stage) => stage.element)),
    attends ? readout : make("p", { class: "quiet" }, "This image has no attention maps."),
    make("p", { class: "quiet small" }, `seed ${sample.seed}, noise ${sample.index}`),
  );
}

// Arrow keys move between the words of one caption, so that a caption is a single Tab stop.
function moveFocus(event, buttons, index, clear) {
  const steps = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: buttons.length - 1 };
  if (event.key === "Escape") clear();
  if (!(event.key in steps)) return;
  event.preventDefault();
  const next = buttons[(steps[event.key] + buttons.length) % buttons.length];
  buttons.forEach((button) => button.setAttribute("tabindex", button === next ? "0" : "-1"));
  next.focus();
}

function shareBars(sample, index, largest) {
  return sample.stages
    .filter((stage) => stage.maps)
    .map((stage) => {
      const bar = make("span");
      bar.style.height = `${largest > 0 ? (100 * stage.maps.share[index]) / largest : 0}%`;
      return bar;
    });
}

function description(sample, index) {
  const views = viewsOf(sample).filter((candidate) => candidate.maps);
  return views.map((shown) => shown.description(index)).join("; ") || "no attention map";
}

const MATCHING = {
  name: "matching",
  title: "Where the matching finds words",
  idle: "finds words in the image",
};

// The views of a sample that show a word's map: its stages, and the matching's regions of the last image.
function viewsOf(sample) {
  const stages = sample.stages.map(({ side, image, maps }) => ({
    side,
    image,
    maps,
    name: `${side} × ${side}`,
    title: `What ${side} × ${side} pixels attend to`,
    idle: maps ? " " : "without attention to words",
    summary: (word) => `share ${percent(maps.share[word])}, peak ${percent(maps.peak[word])}`,
    description: (word) => `at ${side} pixels ${percent(maps.share[word])} of all attention, at most ${percent(maps.peak[word])}`,
  }));
  const last = stages[stages.length - 1];
  if (!sample.regions || !last) return stages;
  const maps = sample.regions;
  const summary = (word) => `${percent(maps.contrast[word])} above uniform, peak ${percent(maps.peak[word])}`;
  const description = (word) => `in the matching ${percent(maps.contrast[word])} above uniform, at most ${percent(maps.peak[word])} in one region`;
  return [...stages, { ...last, maps, summary, description, ...MATCHING }];
}

function stageFigure({ side, image, maps, name, idle, summary }) {
  const img = make("img", { src: image, alt: `the image of ${side} pixels`, width: side, height: side });
  const canvas = make("canvas", { "aria-hidden": "true" });
  const readout = make("span", { class: "number" }, idle);
  const label = make("figcaption", { class: "quiet" }, name, make("br"), readout);
  const element = make("figure", { class: "stage" }, make("div", { class: "frame" }, img, canvas), label);
  if (maps && maps.sprite) whenLoaded(maps, () => {});
  let current = null;
  const show = (word) => {
    current = word;
    if (maps) readout.textContent = word === null ? idle : summary(word);
    canvas.classList.toggle("shown", word !== null && maps !== null && maps.sprite !== "");
    if (word !== null && maps && maps.sprite) whenLoaded(maps, () => current === word && overlay(canvas, maps, word));
  };
  return { element, show };
}

function overlay(canvas, maps, word) {
  const weights = weightsOf(maps, word, view.weights === "above");
  const smooth = view.pixels === "smooth";
  const values = smooth ? enlarge(weights, maps.width, maps.height, TILE) : weights;
  const brightest = view.scale === "own" ? highest(values) : highest(maps.peak);
  paint(canvas, values, smooth ? TILE : maps.width, smooth ? TILE : maps.height, brightest, view.style);
}
