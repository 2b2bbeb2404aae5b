// Samples during training: the same captions and the same noise at several steps.
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

function historySection(histories) {
  return section(
    "samples",
    "Samples during training",
    make("p", { class: "lead" }, "The same captions with the same noise, generated during training."),
    histories.map((history) => [histories.length > 1 ? make("h3", {}, `Phase ${history.phase}`) : null, historyTable(history)]),
  );
}
