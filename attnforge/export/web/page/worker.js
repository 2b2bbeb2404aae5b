// Generates in a thread of its own, so that the page answers while it does. One image at a time, and nothing more
// for a question that the page has stopped.
const stopped = new Set();
let model = null;
let queue = Promise.resolve();

self.onmessage = ({ data }) => {
  if (data.stop) stopped.add(data.stop);
  else if (data.begin) model = begin(data.begin);
  else queue = queue.then(() => answer(data)).catch((error) => self.postMessage({ number: data.number, error: String(error) }));
};

async function begin({ page, weights }) {
  const arrays = readArrays(await inflated(weights), page.arrays);
  const matrices = new Matrices();
  const [text, generator] = [page.text, page.generator].map((program) => new Program(program, arrays, matrices));
  return { page, text, generator, vectors: matrices.vectors };
}

async function answer({ number, prompts, images }) {
  const loaded = await model;
  const features = prompts.map((ids) => featuresOf(loaded, ids));
  for (const [place, image] of images.entries()) {
    await new Promise((resume) => setTimeout(resume)); // lets messages in
    if (stopped.delete(number)) return;
    const result = generate(loaded, between(features[image.prompts[0]], features[image.prompts[1]], image.share), image);
    self.postMessage({ number, place, vectors: loaded.vectors, ...result }, result.images.map(({ bytes }) => bytes.buffer));
  }
  self.postMessage({ number, done: true });
}

function featuresOf({ page, text }, ids) {
  const tokens = new Float32Array(page.words);
  tokens.set(ids);
  const { words, sentence, padding } = text.call({ tokens, lengths: Float32Array.of(ids.length) });
  const count = padding.findIndex((padded) => padded);
  return { words, sentence, padding, count: count < 0 ? padding.length : count };
}

// The prompt on the way between two: the shorter caption is stretched to the length of the longer one.
function between(first, last, share) {
  if (share === 0 || share === 1) return share ? last : first;
  const count = Math.max(first.count, last.count);
  const length = first.padding.length;
  const at = (prompt, row, place) => prompt.words[row * length + Math.floor((place * prompt.count) / count)];
  const mixed = (one, other) => one + share * (other - one);
  const words = first.words.map((_, place) => {
    const [row, column] = [Math.floor(place / length), place % length];
    return column < count ? mixed(at(first, row, column), at(last, row, column)) : 0;
  });
  return {
    words,
    sentence: first.sentence.map((number, place) => mixed(number, last.sentence[place])),
    padding: first.padding.map((_, place) => (place < count ? 0 : 1)),
    count,
  };
}

// The random numbers of an image: of one seed, or on a circle between those of two.
class ImageDraws {
  constructor(seeds, share) {
    const turning = share > 0 && share < 1 && seeds[0] !== seeds[1];
    this.ends = (turning ? seeds : [seeds[share < 0.5 ? 0 : 1]]).map((seed) => new Draws(derivedSeed(seed, 0)));
    this.angle = (share * Math.PI) / 2;
  }

  normal(count) {
    return this.turned(this.ends.map((end) => end.normal(count)));
  }

  // Normal numbers of at most `truncation`, made of even ones as the sampler of attnforge does.
  truncated(count, truncation) {
    const edge = 2 * shareBelow(truncation) - 1;
    const even = this.ends.map((end) => end.uniform(count));
    const shares = even.length > 1 ? this.turned(even.map((numbers) => numbers.map(numberAbove))).map(shareBelow) : even[0];
    const inside = (number) => Math.max(-truncation, Math.min(truncation, number));
    return shares.map((share) => inside(numberAbove((1 + (2 * share - 1) * edge) / 2)));
  }

  turned([first, last]) {
    return last ? first.map((number, place) => Math.cos(this.angle) * number + Math.sin(this.angle) * last[place]) : first;
  }
}

// The numbers of all images and maps, by name.
function valuesOf({ page, generator }, prompt, { seeds, share, sampling }) {
  const draws = new ImageDraws(seeds, share);
  const { truncation, scale } = sampling ?? page.noise;
  const numbers = truncation === null ? draws.normal(page.noise.width) : draws.truncated(page.noise.width, truncation);
  const inputs = { ...prompt, noise: numbers.map((number) => scale * number) };
  page.draws.forEach((count, place) => {
    inputs[`draw_${place}`] = draws.normal(count);
  });
  page.absent.forEach(({ name, count }) => {
    inputs[name] = new Float32Array(count).fill(-1);
  });
  return generator.call(inputs);
}

function generate(loaded, prompt, image) {
  const { page } = loaded;
  const values = valuesOf(loaded, prompt, image);
  return {
    images: page.images.map(({ name, side }) => ({ side, bytes: pixelsOf(values[name], side) })),
    attention: page.attention.map(({ name, height, width }) => ({
      height,
      width,
      weights: values[name].slice(0, prompt.count * height * width),
    })),
  };
}

// Numbers from -1 to 1, a plane for each channel, as bytes of pixels.
function pixelsOf(numbers, side) {
  const plane = side * side;
  const bytes = new Uint8ClampedArray(4 * plane);
  for (let pixel = 0; pixel < plane; pixel++) {
    for (let channel = 0; channel < 3; channel++) bytes[4 * pixel + channel] = (numbers[channel * plane + pixel] + 1) * 127.5;
    bytes[4 * pixel + 3] = 255;
  }
  return bytes;
}
