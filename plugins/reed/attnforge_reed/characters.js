// The tokenizer `character` in JavaScript, for pages that generate without a server; see characters.py.
function makeTokenizer({ characters, lower, blanks }) {
  const ids = new Map(characters.map((character, place) => [character, place + 1]));
  const unknown = (text) => ({ text, id: null });
  return (caption) => {
    const all = [...normalised(lower ? caption.toLowerCase() : caption)];
    const known = all.filter((character) => ids.has(character)).join("");
    const ignored = all.filter((character) => !ids.has(character)).map(unknown);
    if (!blanks || !known.trim()) return [...spaced(known)].map((text) => ({ text, id: ids.get(text) })).concat(ignored);
    return all.map((text) => (ids.has(text) ? { text, id: ids.get(text) } : { text: "\ufffd", id: ids.size + 1 }));
  };
}

// The white space of Python's `split`.
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const spaced = (text) => text.split(SPACES).filter((part) => part).join(" ");
const normalised = (text) => spaced(text.normalize("NFC"));
