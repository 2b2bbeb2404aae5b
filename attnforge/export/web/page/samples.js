// What the worker generated, as the page shows it.
function sampleOf({ images, attention }, { caption, words, seed }) {
  const missing = images.length - attention.length;
  const stages = images.map(({ side, bytes }, place) => ({
    side,
    image: addressOf(bytes, side),
    maps: place < missing ? null : mapsOf(attention[place - missing]),
  }));
  return { caption, words, seed, index: 0, stages, regions: null };
}

function addressOf(bytes, side) {
  const canvas = make("canvas", { width: side, height: side });
  canvas.getContext("2d").putImageData(new ImageData(bytes, side, side), 0, 0);
  return canvas.toDataURL("image/png");
}

// A map for each word, as bytes that are divided by the word's own maximum; see `maps.js`.
function mapsOf({ width, height, weights }) {
  const cells = width * height;
  const words = weights.length / cells;
  const parts = Array.from({ length: words }, (_, word) => weights.subarray(word * cells, (word + 1) * cells));
  const sums = parts.map((part) => part.reduce((sum, weight) => sum + weight, 0));
  const total = sums.reduce((sum, part) => sum + part, 0) || 1;
  const peak = parts.map(highest);
  const bytes = Uint8ClampedArray.from(weights, (weight, place) => (255 * weight) / (peak[Math.floor(place / cells)] || 1));
  return { width, height, bytes, peak, share: sums.map((sum) => sum / total), uniform: 1 / words, offset: 0 };
}
