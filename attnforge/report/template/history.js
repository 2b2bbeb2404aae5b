// Samples during training: the same captions and the same noise at several steps.
const FRAME_MILLISECONDS = 600;

function historyTable(history) {
  const head = history.steps.map((step) => make("th", { scope: "col" }, `step ${step.toLocaleString("en")}`));
  const cell = (uri, row, column) =>
    make(
      "td",
      { "data-step": `step ${history.steps[column].toLocaleString("en")}` },
      uri
        ? make("img", { src: uri, alt: `${history.captions[row]}, at step ${history.steps[column]}` })
        : make("span", { class: "quiet", title: "this image is missing or damaged" }, "–"),
    );
  const rows = history.images.map((images, row) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, history.captions[row]),
      images.map((uri, column) => cell(uri, row, column)),
    ),
  );
  return make(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": `Samples during phase ${history.phase}` },
    make(
      "table",
      { class: "history" },
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "caption"), head)),
      make("tbody", {}, rows),
    ),
  );
}

// All captions at one step, with a slider over the steps and a button that plays them.
function historyPlayer(history) {
  const last = history.steps.length - 1;
  const images = history.captions.map((caption) => make("img", { alt: caption }));
  const label = make("output", { class: "number" });
  const slider = make("input", { type: "range", min: 0, max: last, "aria-label": "Step of training" });
  const button = make("button", { type: "button", class: "play" }, "Play");
  let timer = null;
  const show = (column) => {
    slider.value = column;
    label.textContent = `step ${history.steps[column].toLocaleString("en")}`;
    images.forEach((image, row) => {
      const uri = history.images[row][column];
      image.hidden = !uri;
      if (uri) image.src = uri;
    });
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  };
  const play = () => {
    if (Number(slider.value) === last) show(0);
    button.textContent = "Pause";
    timer = setInterval(() => {
      if (Number(slider.value) === last) stop();
      else show(Number(slider.value) + 1);
    }, FRAME_MILLISECONDS);
  };
  button.addEventListener("click", () => (timer === null ? play() : stop()));
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  show(last);
  return make(
    "div",
    { class: "card player" },
    make("div", { class: "controls" }, button, slider, label),
    make("div", { class: "frames" }, images),
  );
}

function historySection(histories) {
  return section(
    "samples",
    "Samples during training",
    make("p", { class: "lead" }, "The same captions with the same noise, generated during training."),
    histories.map((history) => [
      histories.length > 1 ? make("h3", {}, `Phase ${history.phase}`) : null,
      history.steps.length > 1 ? historyPlayer(history) : null,
      historyTable(history),
    ]),
  );
}
