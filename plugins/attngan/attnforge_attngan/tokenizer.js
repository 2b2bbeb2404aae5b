// The tokenizer `word` in JavaScript, for pages that generate without a server; see tokenizer.py.
function makeTokenizer({ letters, words }) {
  const ids = new Map(words.map((word, place) => [word, place + 1]));
  const token = (text) => ({ text, id: ids.get(text) ?? null });
  return letters === "ascii" ? (caption) => officialTokens(caption, ids) : (caption) => wordsOf(caption).map(token);
}

// A word begins with a letter, a digit or an underscore, and continues with those, marks and joiners.
const WORDS = /[\p{L}\p{N}_][\p{L}\p{N}_\p{M}\u200c\u200d]*/gu;

function wordsOf(caption) {
  const plain = caption.normalize("NFC").replace(/[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu, "").toLowerCase();
  return [...plain.matchAll(WORDS)].map(([word]) => word.replace(/[\u200c\u200d]+$/u, ""));
}

// The rule of the official code: other letters than ASCII's are removed from each word.
function officialTokens(caption, ids) {
  const found = [...caption.replaceAll("\ufffd\ufffd", " ").toLowerCase().matchAll(/[\p{L}\p{N}_]+/gu)];
  return found.map(([word]) => {
    const kept = [...word].filter((letter) => letter < "\u0080").join("");
    return { text: kept || word, id: ids.get(kept) ?? null };
  });
}
