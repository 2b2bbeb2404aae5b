// Puts the page together.
const typed = debounced(() => {
  readWords();
  refresh();
}, 180);

function changeCaption(text) {
  const field = document.getElementById("caption");
  state.shortened = text.length > limits.characters || (state.shortened && text === state.caption);
  field.value = text.slice(0, limits.characters);
  state.caption = field.value;
  fit(field);
  readWords();
  refresh();
}

// As high as its text.
function fit(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

function chooseMode(mode) {
  if (animating !== null) animate();
  state.mode = mode;
  state.selected = "0:0";
  if (mode !== "swap") state.difference = false;
  renderControls();
  refresh();
}

function listenToCaption() {
  const field = document.getElementById("caption");
  field.addEventListener("input", () => {
    if (field.value.includes("\n")) field.value = field.value.replace(/\s*\n\s*/g, " ");
    const over = field.value.length > limits.characters;
    if (over) field.value = field.value.slice(0, limits.characters);
    state.caption = field.value;
    state.shortened = over;
    if (over) report("");
    fit(field);
    typed();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    changeCaption(field.value);
  });
}

function listenToTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => chooseMode(tab.dataset.mode));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = tabs[(place + step + tabs.length) % tabs.length];
      next.focus();
      chooseMode(next.dataset.mode);
    });
  });
}

function show() {
  readAddress();
  const field = document.getElementById("caption");
  field.value = state.caption;
  fit(field);
  renderModels();
  renderControls();
  readWords();
  refresh();
}

async function begin() {
  try {
    ({ runs, limits } = await (await ask("api/runs")).json());
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    showProblems(error.problems);
    return;
  }
  document.title = `${runs.map((run) => run.name).join(", ")} - ${document.title}`;
  listenToCaption();
  listenToTabs();
  document.getElementById("copy-link").addEventListener("click", copyLink);
  window.addEventListener("hashchange", show);
  show();
}

begin();
