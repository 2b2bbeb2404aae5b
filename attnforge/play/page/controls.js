// What is set besides the caption: models, noises, swaps, ends of a walk, sampling, and inputs such as a box.
const refreshSoon = debounced(() => refresh(), 200);

function renderControls() {
  const parts = { images: imagesControls, swap: swapControls, walk: walkControls }[state.mode]();
  const sampling = samplingControls();
  document.getElementById("controls").replaceChildren(make("div", { class: "tools" }, parts), extrasControls(), sampling);
  document.querySelectorAll("[role=tab]").forEach((tab) => {
    const chosen = tab.dataset.mode === state.mode;
    tab.setAttribute("aria-selected", String(chosen));
    tab.setAttribute("tabindex", chosen ? "0" : "-1");
  });
}

function action(text, onclick, options = {}) {
  return make("button", { type: "button", class: "action", onclick, ...options }, text);
}

function labelled(text, control, options = {}) {
  return make("label", { class: "labelled", ...options }, make("span", { class: "field" }, text), control);
}

function imagesControls() {
  return [
    action("New noises", newNoises, { title: "Other images of the caption; pinned noises stay" }),
    action("Save all", saveSheet, { title: "All images as one PNG" }),
    make("span", { class: "quiet small" }, "A pinned noise stays, and is what swapped words are shown with."),
  ];
}

function newNoises() {
  const fresh = () => Math.floor(Math.random() * 10_000);
  const taken = new Set(state.pinned);
  state.noises = state.noises.map((noise) => {
    if (state.pinned.has(noise)) return noise;
    let other = fresh();
    while (taken.has(other)) other = fresh();
    taken.add(other);
    return other;
  });
  refresh();
}

function swapControls() {
  const known = make("datalist", { id: "known" }, runs[state.models[0].run].words.map((word) => make("option", { value: word })));
  const word = make("input", { id: "swap-word", class: "input", size: 12, maxlength: 100, required: true, autocomplete: "off", list: "caption-words", placeholder: "a word" });
  const other = make("input", { id: "swap-other", class: "input", size: 12, maxlength: 100, required: true, autocomplete: "off", list: "known", placeholder: "another" });
  const written = make("datalist", { id: "caption-words" }, pieces.map((piece) => make("option", { value: plainWord(piece.text) })));
  const form = make(
    "form",
    { class: "swap-form", onsubmit: (event) => addSwap(event, word, other) },
    labelled("Replace", word),
    labelled("with", other),
    make("button", { class: "action", disabled: state.swaps.length >= limits.swaps }, "Add"),
    known,
    written,
  );
  const list = state.swaps.map(([before, after], place) =>
    make("li", {}, make("span", {}, `${before} → `, make("strong", {}, after)), make("button", { type: "button", class: "plain", "aria-label": `Remove the swap of ${before} for ${after}`, onclick: () => removeSwap(place) }, "×")),
  );
  const difference = make("input", { type: "checkbox", checked: state.difference, onchange: (event) => {
    state.difference = event.target.checked;
    tiles.forEach((tile) => tile.overlay());
  } });
  return [
    form,
    list.length ? make("ol", { class: "swaps", "aria-label": "Swaps" }, list) : make("span", { class: "quiet small" }, "Click a word of the caption, and type what replaces it."),
    make("label", { class: "check" }, difference, " Show what changed"),
    action("Save all", saveSheet, { title: "All images as one PNG" }),
  ];
}

const plainWord = (text) => text.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");

function beginSwap(text) {
  document.getElementById("swap-word").value = plainWord(text);
  document.getElementById("swap-other").focus();
}

function addSwap(event, word, other) {
  event.preventDefault();
  state.swaps.push([word.value.trim(), other.value.trim()]);
  renderControls();
  document.getElementById("swap-word").focus();
  refresh();
}

function removeSwap(place) {
  state.swaps.splice(place, 1);
  renderControls();
  document.getElementById("swap-word").focus();
  refresh();
}

function walkControls() {
  const changed = (change) => (event) => {
    change(event.target.value);
    refreshSoon();
  };
  const to = make("input", { id: "to", class: "input wide", maxlength: limits.characters, autocomplete: "off", spellcheck: "false", placeholder: state.caption || "the same caption", oninput: changed((value) => { state.to = value; }) });
  to.value = state.to;
  const noise = (place, name) => {
    const input = make("input", { type: "number", class: "input number", min: 0, max: limits.seed, oninput: changed((value) => {
      const seed = Number(value);
      if (Number.isInteger(seed) && seed >= 0 && seed <= limits.seed) state.ends[place] = seed;
    }) });
    input.value = state.ends[place];
    return labelled(name, input);
  };
  const steps = make("select", { class: "input", onchange: changed((value) => { state.steps = Number(value); }) }, [...new Set([8, 12, 24, state.steps])].filter((count) => count <= limits.steps).sort((a, b) => a - b).map((count) => make("option", { value: count, selected: count === state.steps }, count)));
  const slider = make("input", { type: "range", id: "step", min: 0, max: state.steps - 1, value: 0, "aria-label": "Step of the walk", oninput: (event) => showStepNumber(Number(event.target.value)) });
  return [
    labelled("To the caption", to, { class: "labelled grow" }),
    noise(0, "Noise at start"),
    noise(1, "Noise at end"),
    labelled("Images", steps),
    make("div", { class: "stepper" }, action("Animate", animate, { id: "animate", "aria-pressed": "false" }), slider, limits.animations ? action("Save as GIF", saveWalk) : null),
  ];
}

function showStepNumber(step) {
  state.selected = `0:${step}`;
  tiles.forEach((tile) => tile.mark());
  renderDetail();
  showStep();
}

let animating = null;

function animate() {
  const button = document.getElementById("animate");
  if (animating !== null) {
    clearInterval(animating);
    animating = null;
  } else {
    let [step, direction] = [Number(state.selected.split(":")[1]), 1];
    animating = setInterval(() => {
      if (!document.getElementById("animate")) return animate();
      if (step + direction < 0 || step + direction >= state.steps) direction = -direction;
      step += direction;
      showStepNumber(step);
    }, 140);
  }
  button?.setAttribute("aria-pressed", String(animating !== null));
  if (button) button.textContent = animating === null ? "Animate" : "Pause";
}

function walkFrom(noise) {
  state.ends = [noise, state.ends[1] === noise ? noise + 1 : state.ends[1]];
  chooseMode("walk");
}

function samplingControls() {
  const own = runs[state.models[0].run].searches ? "as the recipe says" : "as in training";
  const number = (name, value, options) => {
    const input = make("input", { type: "number", class: "input number", step: 0.1, ...options, oninput: (event) => {
      const typed = event.target.value === "" ? null : Number(event.target.value);
      state.sampling = { truncation: null, scale: 1, ...state.sampling, [name]: typed ?? (name === "scale" ? 1 : null) };
      sampling.querySelector("[value=noise]").checked = true;
      refreshSoon();
    } });
    input.value = value ?? "";
    return input;
  };
  const sampling = make(
    "details",
    { class: "more", open: state.sampling !== null },
    make("summary", {}, "Sampling"),
    make(
      "div",
      { class: "tools" },
      choice("Noise", "sampling", { recipe: own, noise: "with these options" }, state.sampling ? "noise" : "recipe", (value) => {
        state.sampling = value === "noise" ? { truncation: 2, scale: 1 } : null;
        renderControls();
        refresh();
      }),
      labelled("Truncation", number("truncation", state.sampling?.truncation, { min: 0.1, max: 100, placeholder: "none" })),
      labelled("Scale", number("scale", state.sampling?.scale, { min: 0, max: 100, placeholder: "1" })),
      make("span", { class: "quiet small" }, "A low truncation gives fewer failures and less variety."),
    ),
  );
  return sampling;
}

function renderModels() {
  const select = (place) =>
    make(
      "select",
      { class: "input", "aria-label": place ? "Compare with" : "Model", onchange: (event) => chooseModel(place, event.target.value) },
      runs.map((run, number) =>
        make(
          "optgroup",
          { label: run.name },
          run.checkpoints.map((checkpoint) => {
            const chosen = state.models[place].run === number && shownCheckpoint(state.models[place]) === checkpoint;
            return make("option", { value: `${number} ${checkpoint}`, selected: chosen }, `${run.name} · ${checkpoint}`);
          }),
        ),
      ),
    );
  const compared = state.models.length > 1;
  const several = runs.length > 1 || runs[0].checkpoints.length > 1;
  document.getElementById("models").replaceChildren(
    ...[
      several || compared ? select(0) : make("span", { class: "quiet" }, modelTitle(0)),
      compared ? make("span", { class: "quiet" }, "beside") : null,
      compared ? select(1) : null,
      compared ? action("Show one", () => compareWith(null)) : several ? action("Compare", () => compareWith(otherModel())) : null,
    ].filter((part) => part),
  );
}

// What to compare with first: another run, or else an earlier checkpoint.
function otherModel() {
  const { run } = state.models[0];
  if (runs.length > 1) return { run: run === 0 ? 1 : 0, checkpoint: null };
  const others = runs[run].checkpoints.filter((checkpoint) => checkpoint !== shownCheckpoint(state.models[0]));
  return { run, checkpoint: others[0] };
}

function compareWith(model) {
  state.models = model ? [state.models[0], model] : [state.models[0]];
  modelsChanged();
}

function chooseModel(place, value) {
  const [run, checkpoint] = [Number(value.split(" ")[0]), value.slice(value.indexOf(" ") + 1)];
  state.models[place] = { run, checkpoint: checkpoint === runs[run].checkpoint ? null : checkpoint };
  modelsChanged();
}

function modelsChanged() {
  renderModels();
  renderControls();
  readWords();
  refresh();
}
