// The selected image of each model: all its stages, with the map of the word at each.
let detailStages = [];

function renderDetail() {
  const shown = tiles.filter((tile) => tile.key === state.selected && tile.sample);
  detailStages = [];
  const panels = shown.map((tile) => detailPanel(tile));
  document.getElementById("detail").replaceChildren(...panels);
  showDetailWord();
  renderHelp();
}

function detailPanel({ model, sample }) {
  const final = finalStage(sample);
  const large = { ...final, name: sizeOf(final), idle: "" };
  const views = [
    ...sample.stages.slice(0, -1).map((stage) => ({ ...stage, name: sizeOf(stage), idle: stage.maps ? "" : "no attention" })),
    ...(sample.regions ? [{ ...final, maps: sample.regions, name: "matching", idle: "" }] : []),
  ];
  return make(
    "section",
    { class: "card panel", "aria-label": state.models.length > 1 ? modelTitle(model) : "Stages" },
    state.models.length > 1 ? make("h2", { class: "model-name" }, modelTitle(model)) : null,
    stageFigure(model, sample, large, "large"),
    make("p", { class: "caption" }, sample.caption),
    make("div", { class: "stages" }, views.map((view) => stageFigure(model, sample, view, "stage"))),
    make(
      "p",
      { class: "actions" },
      make("button", { type: "button", class: "action", onclick: () => saveImage(sample) }, "Save PNG"),
      make("button", { type: "button", class: "action", onclick: () => walkFrom(sample.seed) }, "Walk from here"),
    ),
  );
}

const sizeOf = ({ side }) => `${side} × ${side}`;

function stageFigure(model, sample, view, kind) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  const readout = make("span", { class: "number" }, view.idle);
  detailStages.push({ model, sample, view, canvas, readout });
  const img = make("img", { src: view.image, alt: `${sample.caption}, ${view.name}`, width: view.side, height: view.side });
  const label = make("figcaption", { class: "quiet" }, make("span", {}, view.name), readout);
  return make("figure", { class: kind }, make("div", { class: "frame" }, img, canvas), label);
}

function showDetailWord() {
  const place = shownPlace();
  detailStages.forEach(({ model, sample, view, canvas, readout }) => {
    const positions = place === null || !view.maps ? [] : positionsOf(place, model, sample);
    overlayMaps(canvas, view.maps, positions);
    if (view.maps) readout.textContent = positions.length ? readoutOf(view, positions) : view.idle;
  });
}

function readoutOf({ maps, name }, positions) {
  const most = (values) => percent(Math.max(...positions.map((position) => values[position])));
  if (name === "matching") return `${most(maps.contrast)} above even`;
  const share = positions.reduce((total, position) => total + maps.share[position], 0);
  return `share ${percent(share)}, peak ${most(maps.peak)}`;
}
