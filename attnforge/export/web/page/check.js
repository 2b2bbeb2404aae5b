// After the first images, while nothing else is to do: whether this browser computes what the run does.
const TOLERANCE = 3; // of 255, for rounding
let checked = null;

function checkOnce() {
  checked ??= differences().then((found) => document.getElementById("main").prepend(...found));
  return checked;
}

async function differences() {
  const { tokens, caption, seed, every, bytes } = PAGE.check;
  const misread = tokens.filter(({ caption: text, ids }) => String(tokenize(text).map(({ id }) => id).filter((id) => id !== null)) !== String(ids));
  const notes = misread.map(({ caption: text }) => differs(`reads the caption “${text}” otherwise`));
  const image = { prompts: [0, 0], seeds: [seed, seed], share: 0, sampling: null };
  await generated({ prompts: [idsOf(caption)], images: [image] }, null, ({ images }) => {
    const own = images[images.length - 1].bytes.filter((_, place) => place % 4 < 3 && Math.floor(place / 4) % every === 0);
    const largest = own.reduce((most, byte, place) => Math.max(most, Math.abs(byte - bytes[place])), 0);
    if (own.length !== bytes.length || largest > TOLERANCE) notes.push(differs(`generates another image of “${caption}”`));
  });
  return notes;
}

function differs(what) {
  return make("p", { class: "note", role: "alert" }, `This browser ${what} than the run did; do not trust its images.`);
}
