// Which word drew which pixel: words that light up what they attend to.
const view = { style: "light", scale: "own", weights: "all", pixels: "sharp", redraw: [] };

function attentionSection(drawings) {
  const again = () => view.redraw.forEach((redraw) => redraw());
  return section(
    "words",
    "Words and pixels",
    make(
      "p",
      { class: "lead" },
      "Point at a word to see where the generator looked at it while it drew; click or tap to keep it. ",
      "On the keyboard: Tab to a caption, arrows between words, Enter to keep, Escape to let go. ",
      "The columns above a word are its share of all attention, one column a stage; the peak is the most that one pixel gives it. ",
      drawings.some((drawing) => drawing.regions)
        ? "Beside the stages, the regions of the finished image in which the run's own matching finds the word, and how much of its weight stands out of an even spread."
        : "",
    ),
    make(
      "div",
      { class: "choices" },
      choice("Show as", "style", { light: "light", heat: "heat" }, view.style, (value) => {
        view.style = value;
        again();
      }),
      choice("Scale", "scale", { own: "each word its own", all: "the same for all" }, view.scale, (value) => {
        view.scale = value;
        again();
      }),
      choice("Weights", "weights", { all: "all", above: "above an even share" }, view.weights, (value) => {
        view.weights = value;
        again();
      }),
      choice("Pixels", "pixels", { sharp: "sharp", smooth: "smooth" }, view.pixels, (value) => {
        view.pixels = value;
        document.body.classList.toggle("smooth", value === "smooth");
        again();
      }),
    ),
    make("div", { class: "drawings" }, drawings.map(drawingCard)),
  );
}

function drawingCard(drawing, number) {
  const stages = viewsOf(drawing).map(stageFigure);
  const state = { pointed: null, kept: null };
  const readout = make("p", { class: "hidden", role: "status" });
  const largest = Math.max(0, ...drawing.stages.flatMap((stage) => (stage.maps ? stage.maps.share : [])));
  const buttons = drawing.words.map((word, index) =>
    make(
      "button",
      {
        type: "button",
        class: "word",
        "aria-pressed": "false",
        "aria-label": `${word}: ${spoken(drawing, index)}`,
        tabindex: index === 0 ? "0" : "-1",
      },
      make("span", { class: "columns", "aria-hidden": "true" }, shareColumns(drawing, index, largest)),
      make("span", {}, word),
    ),
  );
  const update = () => {
    const shown = state.pointed ?? state.kept;
    buttons.forEach((button, index) => {
      button.classList.toggle("shown", index === shown);
      button.setAttribute("aria-pressed", String(index === state.kept));
    });
    stages.forEach((stage) => stage.show(shown));
    readout.textContent = shown === null ? "" : `“${drawing.words[shown]}”: ${spoken(drawing, shown)}`;
  };
  buttons.forEach((button, index) => {
    const point = () => { state.pointed = index; update(); };
    const leave = () => { state.pointed = null; update(); };
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && point());
    button.addEventListener("pointerleave", leave);
    button.addEventListener("focus", point);
    button.addEventListener("blur", leave);
    button.addEventListener("click", () => {
      state.kept = state.kept === index ? null : index;
      state.pointed = null;
      update();
    });
    button.addEventListener("keydown", (event) => walk(event, buttons, index, () => {
      state.kept = state.pointed = null;
      update();
    }));
  });
  view.redraw.push(update);
  const attends = drawing.stages.some((stage) => stage.maps);
  return make(
    "article",
    { class: "card drawing", "aria-label": `drawing ${number + 1}` },
    make("h3", { class: "caption" }, drawing.caption),
    make("div", { class: "words", role: "toolbar", "aria-label": "Words of the caption" }, buttons),
    make("div", { class: "stages" }, stages.map((stage) => stage.element)),
    attends ? readout : make("p", { class: "quiet" }, "No attention maps were kept for this drawing."),
    make("p", { class: "quiet small" }, `seed ${drawing.seed}, noise ${drawing.index}`),
  );
}

// Arrow keys walk through the words of one caption, so that a caption is a single stop of the Tab key.
function walk(event, buttons, index, letGo) {
  const steps = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: buttons.length - 1 };
  if (event.key === "Escape") letGo();
  if (!(event.key in steps)) return;
  event.preventDefault();
  const next = buttons[(steps[event.key] + buttons.length) % buttons.length];
  buttons.forEach((button) => button.setAttribute("tabindex", button === next ? "0" : "-1"));
  next.focus();
}

function shareColumns(drawing, index, largest) {
  return drawing.stages
    .filter((stage) => stage.maps)
    .map((stage) => {
      const column = make("span");
      column.style.height = `${largest > 0 ? (100 * stage.maps.share[index]) / largest : 0}%`;
      return column;
    });
}

function spoken(drawing, index) {
  const attending = viewsOf(drawing).filter((one) => one.maps);
  return attending.map((one) => one.spoken(index)).join("; ") || "no attention map";
}

const MATCHING = {
  name: "matching",
  title: "Where the matching finds words",
  idle: "finds words in the image",
};

// Everything that can be looked at word by word: the stages, and the matching's regions of the last image.
function viewsOf(drawing) {
  const stages = drawing.stages.map(({ side, image, maps }) => ({
    side,
    image,
    maps,
    name: `${side} × ${side}`,
    title: `What ${side} × ${side} pixels attend to`,
    idle: maps ? " " : "draws from the sentence",
    told: (word) => `share ${percent(maps.share[word])}, peak ${percent(maps.strongest[word])}`,
    spoken: (word) => `at ${side} pixels ${percent(maps.share[word])} of all attention, at most ${percent(maps.strongest[word])}`,
  }));
  const last = stages[stages.length - 1];
  if (!drawing.regions || !last) return stages;
  const maps = drawing.regions;
  const told = (word) => `${percent(maps.mass[word])} stands out, peak ${percent(maps.strongest[word])}`;
  const spoken = (word) => `in the matching ${percent(maps.mass[word])} stands out, at most ${percent(maps.strongest[word])} in one region`;
  return [...stages, { ...last, maps, told, spoken, ...MATCHING }];
}

function stageFigure({ side, image, maps, name, idle, told }) {
  const image = make("img", { src: image, alt: `the image of ${side} pixels`, width: side, height: side });
  const canvas = make("canvas", { "aria-hidden": "true" });
  const figure = make("span", { class: "number" }, idle);
  const label = make("figcaption", { class: "quiet" }, name, make("br"), figure);
  const element = make("figure", { class: "stage" }, make("div", { class: "frame" }, image, canvas), label);
  if (maps && maps.sprite) whenLoaded(maps, () => {});
  let wanted = null;
  const show = (word) => {
    wanted = word;
    if (maps) figure.textContent = word === null ? idle : told(word);
    canvas.classList.toggle("shown", word !== null && maps !== null && maps.sprite !== "");
    if (word !== null && maps && maps.sprite) whenLoaded(maps, () => wanted === word && overlay(canvas, maps, word));
  };
  return { element, show };
}

function overlay(canvas, maps, word) {
  const weights = weightsOf(maps, word, view.weights === "above");
  const smooth = view.pixels === "smooth";
  const values = smooth ? enlarge(weights, maps.width, maps.height, TILE) : weights;
  const brightest = view.scale === "own" ? highest(values) : highest(maps.strongest);
  paint(canvas, values, smooth ? TILE : maps.width, smooth ? TILE : maps.height, brightest, view.style);
}
