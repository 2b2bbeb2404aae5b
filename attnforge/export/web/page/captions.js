// Captions as the run reads them.
const tokensOf = (caption) => tokenize(caption).filter(({ id }) => id !== null).map(({ text }) => text);
const unknownOf = (caption) => tokenize(caption).filter(({ id }) => id === null).map(({ text }) => text);

// The ids of a caption, or the reason why the page cannot use it.
function idsOf(caption) {
  const ids = tokenize(caption).map(({ id }) => id).filter((id) => id !== null);
  if (!ids.length) {
    const unknown = unknownOf(caption).slice(0, 20).join(", ");
    const message = `The run knows no word of the caption${unknown ? `: ${unknown}` : ""}.`;
    throw refused("caption-unknown", message, `words that it was trained on, such as ${PAGE.run.words.slice(0, 12).join(", ")}`);
  }
  if (ids.length > PAGE.words) {
    const message = `The caption has ${ids.length} tokens, of which this page reads up to ${PAGE.words}.`;
    throw refused("caption-too-long", message, "a shorter caption; `attnforge export web --words` makes pages for longer ones");
  }
  return ids;
}

// The parts of a caption between spaces, with how many tokens each has and whether the run knows it.
function readCaption(caption) {
  const tokens = tokensOf(caption);
  let first = 0;
  const pieces = caption.trim().split(/\s+/).filter((text) => text).map((text) => {
    const count = tokensOf(text).length;
    const [unknown] = unknownOf(text);
    const piece = { text, first, tokens: count, unknown: unknown !== undefined, nearest: unknown ? nearestWord(unknown) : null };
    first += count;
    return piece;
  });
  if (first === tokens.length) return { pieces, tokens };
  // its tokens cross spaces, or depend on their neighbours
  return { pieces: tokens.map((text, place) => ({ text, first: place, tokens: 1, unknown: false, nearest: null })), tokens };
}

// The known word with the fewest changes of letters, if they are few.
function nearestWord(word) {
  const reach = Math.floor(0.4 * Math.min(word.length, 30));
  let [nearest, fewest] = [null, reach + 1];
  for (const known of PAGE.run.words) {
    if (Math.abs(known.length - word.length) >= fewest) continue;
    const changes = changesBetween(word, known);
    if (changes < fewest) [nearest, fewest] = [known, changes];
  }
  return nearest;
}

function changesBetween(word, other) {
  let row = Array.from({ length: other.length + 1 }, (_, place) => place);
  for (let place = 1; place <= word.length; place++) {
    const next = [place];
    for (let column = 1; column <= other.length; column++) {
      const changed = row[column - 1] + (word[place - 1] === other[column - 1] ? 0 : 1);
      next.push(Math.min(changed, row[column] + 1, next[column - 1] + 1));
    }
    row = next;
  }
  return row[other.length];
}

// The caption, and behind it one more for each swap, with this and all earlier swaps made; as `attnforge edit`.
function swappedCaptions(caption, swaps) {
  const length = tokensOf(caption).length;
  return [caption, ...swaps.map((_, place) => swapped(caption, swaps.slice(0, place + 1), length))];
}

function swapped(caption, swaps, length) {
  const newest = new Map(swaps.map(([before, after]) => [before.trim().toLowerCase(), [before, after]]));
  const places = [...newest.values()].flatMap(([before, after]) => placesOf(caption, before, after));
  places.sort((one, other) => one.start - other.start);
  let [result, end] = ["", 0];
  for (const { start, stop, after } of places) {
    if (start < end) throw refused("bad-swap", "Two of the words to swap overlap.", "words that do not overlap");
    result += caption.slice(end, start) + after.trim();
    end = stop;
  }
  result += caption.slice(end);
  if (tokensOf(result).length === length) return result;
  throw refused("swap-length", "A swap changes the number of words that the run reads.", "a word of as many tokens as the one it replaces");
}

function placesOf(caption, before, after) {
  const escaped = before.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const word = "[\\p{L}\\p{N}_]";
  const pattern = new RegExp(`(?<!${word})${escaped}(?!${word})`, "giu");
  const places = [...caption.matchAll(pattern)].map(({ index, 0: text }) => ({ start: index, stop: index + text.length, after }));
  const swap = `“${before} → ${after}”`;
  if (!before.trim() || !after.trim() || before.toLowerCase() === after.toLowerCase()) {
    throw refused("bad-swap", `The swap ${swap} changes nothing.`, "two different words");
  }
  if (!places.length) throw refused("swap-word-missing", `The caption has no word “${before}”.`, "a word of the caption");
  const unknown = [...unknownOf(before), ...unknownOf(after)];
  if (unknown.length) throw refused("swap-unknown-word", `The run does not know ${unknown.map((text) => `“${text}”`).join(", ")}.`, "words that it was trained on");
  return places;
}
