// What some models need besides a caption: a box is dragged on a square, anything is typed as numbers.
const FIRST_BOX = [0.2, 0.2, 0.6, 0.6];

function extrasControls() {
  const shapes = Object.assign({}, ...state.models.map(({ run }) => runs[run].extras));
  const names = Object.keys(shapes);
  names.forEach((name) => {
    if (name === "box" && String(shapes.box) === "4") state.extras.box ??= [...FIRST_BOX];
  });
  return make("div", { class: names.length ? "tools" : "" }, names.map((name) => (name === "box" && String(shapes.box) === "4" ? boxControl() : numbersControl(name, shapes[name]))));
}

function numbersControl(name, shape) {
  const count = shape.reduce((product, length) => product * length, 1);
  const input = make("input", { class: "input wide", autocomplete: "off", placeholder: `${count} numbers, separated by commas`, oninput: (event) => {
    const numbers = event.target.value.split(",").map((part) => Number(part.trim())).filter(Number.isFinite);
    if (event.target.value.trim()) state.extras[name] = numbers;
    else delete state.extras[name];
    refreshSoon();
  } });
  input.value = (state.extras[name] ?? []).join(", ");
  const optional = state.models.every(({ run }) => runs[run].optional.includes(name) || !(name in runs[run].extras));
  return labelled(optional ? `${name} (optional)` : name, input, { class: "labelled grow" });
}

function boxControl() {
  const mark = make("div", { class: "mark-box" });
  const pad = make("div", { class: "box-pad", "aria-hidden": "true" }, mark);
  const names = ["left", "top", "width", "height"];
  const inputs = names.map((name, place) =>
    make("input", { type: "number", class: "input number", min: place < 2 ? 0 : 0.05, max: 1, step: 0.05, oninput: (event) => {
      const number = Number(event.target.value);
      if (event.target.value !== "" && Number.isFinite(number)) setBox(state.extras.box.map((old, other) => (other === place ? number : old)), place);
    } }),
  );
  const show = (skipped = null) => {
    const [left, top, width, height] = state.extras.box;
    Object.assign(mark.style, { left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * width}%`, height: `${100 * height}%` });
    inputs.forEach((input, place) => {
      if (place !== skipped) input.value = Number(state.extras.box[place].toFixed(2));
    });
  };
  const setBox = (box, skipped = null) => {
    const [left, top] = box.slice(0, 2).map((start) => Math.min(0.95, Math.max(0, start)));
    const [width, height] = [Math.min(1 - left, Math.max(0.05, box[2])), Math.min(1 - top, Math.max(0.05, box[3]))];
    state.extras.box = [left, top, width, height].map((number) => Number(number.toFixed(4)));
    show(skipped);
    refreshSoon();
  };
  let corner = null;
  const placeOf = (event) => {
    const area = pad.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height].map((share) => Math.min(1, Math.max(0, share)));
  };
  pad.addEventListener("pointerdown", (event) => {
    corner = placeOf(event);
    pad.setPointerCapture(event.pointerId);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!corner) return;
    const other = placeOf(event);
    setBox([Math.min(corner[0], other[0]), Math.min(corner[1], other[1]), Math.abs(corner[0] - other[0]), Math.abs(corner[1] - other[1])]);
  });
  pad.addEventListener("pointerup", () => { corner = null; });
  pad.addEventListener("pointercancel", () => { corner = null; });
  show();
  return make(
    "fieldset",
    { class: "box" },
    make("legend", { class: "field" }, "Box: drag it, or type shares of the image"),
    pad,
    make("div", { class: "numbers" }, names.map((name, place) => labelled(name, inputs[place]))),
  );
}
