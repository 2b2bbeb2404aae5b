// Which word drew which pixel: words that light up what they attend to.
const view = { style: "light", scale: "own", redraw: [] };

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
      "The columns above a word are its share of all attention, one column a stage; the peak is the most that one pixel gives it.",
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
      choice("Pixels", "pixels", { sharp: "sharp", smooth: "smooth" }, "sharp", (value) => {
        document.body.classList.toggle("smooth", value === "smooth");
      }),
    ),
    make("div", { class: "drawings" }, drawings.map(drawingCard)),
  );
}

function drawingCard(drawing, number) {
  const stages = drawing.stages.map((stage) => stageFigure(stage, drawing));
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
  const attending = drawing.stages.filter((stage) => stage.maps);
  if (!attending.length) return "no attention map";
  return attending
    .map((stage) => {
      const { share, strongest } = stage.maps;
      return `at ${stage.side} pixels ${percent(share[index])} of all attention, at most ${percent(strongest[index])}`;
    })
    .join("; ");
}

function stageFigure(stage) {
  const maps = stage.maps;
  const picture = make("img", { src: stage.picture, alt: `the picture of ${stage.side} pixels`, width: stage.side, height: stage.side });
  const canvas = make("canvas", { "aria-hidden": "true", width: maps ? maps.width : 1, height: maps ? maps.height : 1 });
  const figure = make("span", { class: "number" }, maps ? " " : "draws from the sentence");
  const label = make("figcaption", { class: "quiet" }, `${stage.side} × ${stage.side}`, make("br"), figure);
  const element = make("figure", { class: "stage" }, make("div", { class: "frame" }, picture, canvas), label);
  const sprite = maps && maps.sprite ? Object.assign(new Image(), { src: maps.sprite }) : null;
  let wanted = null;
  const show = (word) => {
    wanted = word;
    if (maps) figure.textContent = word === null ? " " : `share ${percent(maps.share[word])}, peak ${percent(maps.strongest[word])}`;
    canvas.classList.toggle("shown", word !== null && sprite !== null);
    if (word === null || !sprite) return;
    const paint = () => wanted === word && overlay(canvas, sprite, maps, word);
    if (sprite.complete) paint();
    else sprite.addEventListener("load", paint, { once: true });
  };
  return { element, show };
}

function overlay(canvas, sprite, maps, word) {
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.clearRect(0, 0, maps.width, maps.height);
  pen.drawImage(sprite, 0, word * maps.height, maps.width, maps.height, 0, 0, maps.width, maps.height);
  const pixels = pen.getImageData(0, 0, maps.width, maps.height);
  const factor = view.scale === "all" ? maps.strongest[word] : 1;
  for (let place = 0; place < pixels.data.length; place += 4) {
    const share = (pixels.data[place] / 255) * factor;
    const colour = view.style === "heat" ? heat(share) : [8, 8, 12, 0.84 * (1 - share)];
    colour[3] *= 255;
    pixels.data.set(colour, place);
  }
  pen.putImageData(pixels, 0, 0);
}

// Violet, red, yellow: also told apart by brightness alone.
function heat(share) {
  const stops = [[48, 12, 110], [205, 45, 85], [252, 232, 90]];
  const place = Math.min(share * 2, 1.999);
  const from = stops[Math.floor(place)];
  const to = stops[Math.floor(place) + 1];
  const part = place % 1;
  return [...from.map((value, channel) => value + part * (to[channel] - value)), 0.35 + 0.4 * share];
}
