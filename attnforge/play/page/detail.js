// The selected image of each model: all its stages, with the map of the word at each.
let detailStages = [];

function renderDetail() {
  const shown = tiles.filter((tile) => tile.key === state.selected && tile.sample);
  detailStages = [];
  const panels = shown.map((tile) => detailPanel(tile));
  document.getElementById("detail").replaceChildren(...panels);
  showDetailWord();
}

function detailPanel({ model, sample }) {
  const views = [
    ...sample.stages.map((stage) => ({ ...stage, name: `${stage.side} × ${stage.side}`, idle: stage.maps ? "" : "sentence only" })),
    ...(sample.regions ? [{ ...finalStage(sample), maps: sample.regions, name: "matching", idle: "where the matching finds words" }] : []),
  ];
  const figures = views.map((view) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const readout = make("span", { class: "number" }, view.idle);
    detailStages.push({ model, sample, view, canvas, readout });
    const img = make("img", { src: view.image, alt: `${sample.caption}, ${view.name}`, width: view.side, height: view.side });
    return make("figure", { class: "stage" }, make("div", { class: "frame" }, img, canvas), make("figcaption", { class: "quiet" }, view.name, make("br"), readout));
  });
  const large = make("canvas", { "aria-hidden": "true" });
  detailStages.push({ model, sample, view: { maps: lastMaps(sample) }, canvas: large, readout: null });
  const final = finalStage(sample);
  return make(
    "section",
    { class: "card panel", "aria-label": state.models.length > 1 ? modelTitle(model) : "Stages" },
    state.models.length > 1 ? make("h2", { class: "model-name" }, modelTitle(model)) : null,
    make("div", { class: "frame large" }, make("img", { src: final.image, alt: sample.caption, width: final.side, height: final.side }), large),
    make("p", { class: "caption" }, sample.caption),
    make("div", { class: "stages" }, figures),
    make(
      "p",
      { class: "actions" },
      make("button", { type: "button", class: "action", onclick: () => saveImage(sample) }, "Save PNG"),
      make("button", { type: "button", class: "action", onclick: () => walkFrom(sample.seed) }, "Walk from here"),
    ),
  );
}

function showDetailWord() {
  const place = shownPlace();
  detailStages.forEach(({ model, sample, view, canvas, readout }) => {
    const positions = place === null || !view.maps ? [] : positionsOf(place, model, sample);
    overlayMaps(canvas, view.maps, positions);
    if (readout && view.maps) readout.textContent = positions.length ? readoutOf(view, positions) : view.idle;
  });
}

function readoutOf({ maps, name }, positions) {
  const sum = (values) => positions.reduce((total, position) => total + values[position], 0);
  const peak = percent(Math.max(...positions.map((position) => maps.peak[position])));
  return name === "matching" ? `${percent(sum(maps.mass))} above even` : `share ${percent(sum(maps.share))}, peak ${peak}`;
}
