// The words of the caption: pointing at one shows its maps, and unknown ones offer the nearest known word.
let pieces = [];
let readings = [];
const newestWords = new Newest();

async function readWords() {
  const signal = newestWords.start();
  if (!state.caption.trim()) {
    pieces = [];
    readings = [];
    renderWords();
    return;
  }
  try {
    const answers = await Promise.all(
      state.models.map(async ({ run }) => (await ask("api/words", { run, caption: state.caption }, signal)).json()),
    );
    if (signal.aborted) return;
    readings = answers;
    pieces = answers[0].pieces;
    state.word = state.pointed = null;
    renderWords();
  } catch (error) {
    if (!signal.aborted && !(error instanceof Refusal)) throw error;
  }
}

function renderWords() {
  const toolbar = document.getElementById("words");
  const buttons = pieces.map((piece, place) => (piece.unknown ? unknownButton(piece, place) : knownButton(piece, place)));
  buttons.forEach((button, place) => {
    button.setAttribute("tabindex", place === 0 ? "0" : "-1");
    button.addEventListener("keydown", (event) => moveAmong(event, buttons, place));
  });
  toolbar.replaceChildren(...buttons);
  renderHelp();
  renderExamples();
}

function renderHelp() {
  const unknown = pieces.filter((piece) => piece.unknown).length;
  const images = tiles.filter((tile) => tile.sample);
  const mapped = !images.length || images.some((tile) => lastMaps(tile.sample));
  const hint = mapped ? "Point at a word to see where it acts; click to keep it." : "This model shows no maps of words: it has no attention to them.";
  const help = pieces.length ? hint : "";
  const ignored = unknown ? ` The run does not know ${unknown === 1 ? "one word" : `${unknown} words`}, and ignores ${unknown === 1 ? "it" : "them"}.` : "";
  document.getElementById("words-help").textContent = help + ignored;
}

function knownButton(piece, place) {
  const button = make("button", { type: "button", class: "word", "aria-pressed": "false" }, piece.text);
  const point = (target) => () => {
    state.pointed = target;
    showWord();
  };
  button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && point(place)());
  button.addEventListener("pointerleave", point(null));
  button.addEventListener("focus", () => button.matches(":focus-visible") && point(place)());
  button.addEventListener("blur", point(null));
  button.addEventListener("click", () => {
    state.word = state.word === place ? null : place;
    state.pointed = null;
    if (state.mode === "swap") beginSwap(piece.text);
    showWord();
  });
  return button;
}

function unknownButton(piece, place) {
  const offered = piece.nearest ? `; replace it with ${piece.nearest}` : "";
  const hint = piece.nearest ? make("span", { class: "nearest" }, `${piece.nearest}?`) : null;
  const label = `${piece.text}: unknown word${offered}`;
  const button = make("button", { type: "button", class: "word unknown", "aria-label": label, title: label }, make("span", { class: "wavy" }, piece.text), hint);
  button.addEventListener("click", () => {
    if (piece.nearest) changeCaption(pieces.map((other, number) => (number === place ? piece.nearest : other.text)).join(" "));
  });
  return button;
}

// Arrow keys move between the words, so that the caption is a single Tab stop; Escape lets go of a word.
function moveAmong(event, buttons, place) {
  const steps = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: buttons.length - 1 };
  if (event.key === "Escape") {
    state.word = state.pointed = null;
    showWord();
  }
  if (!(event.key in steps)) return;
  event.preventDefault();
  const next = buttons[(steps[event.key] + buttons.length) % buttons.length];
  buttons.forEach((button) => button.setAttribute("tabindex", button === next ? "0" : "-1"));
  next.focus();
}

const shownPlace = () => state.pointed ?? state.word;

function showWord() {
  const shown = shownPlace();
  document.querySelectorAll("#words .word").forEach((button, place) => {
    button.classList.toggle("shown", place === shown);
    if (!button.classList.contains("unknown")) button.setAttribute("aria-pressed", String(place === state.word));
  });
  tiles.forEach((tile) => tile.overlay());
  showDetailWord();
}

// The positions of a word among the tokens of an image of a model; none where the image has other tokens.
function positionsOf(place, model, sample) {
  const piece = readings[model]?.pieces[place];
  if (!piece || piece.text !== pieces[place]?.text || sample.words.length !== readings[model].tokens.length) return [];
  return Array.from({ length: piece.tokens }, (_, offset) => piece.first + offset);
}

function renderExamples() {
  const examples = state.caption.trim() ? [] : runs[state.models[0].run].examples;
  document.getElementById("examples").replaceChildren(
    ...examples.map((caption) => make("button", { type: "button", class: "example", onclick: () => changeCaption(caption) }, caption)),
  );
}
