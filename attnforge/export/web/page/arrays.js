// Reads the weights: compressed bytes in base64, of arrays in 8, 16 or 32 bits.
async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

function readArrays(buffer, stored) {
  return stored.map(({ type, at, rows, count }) => READERS[type](buffer, at, count, rows));
}

const READERS = {
  float32: (buffer, at, count) => new Float32Array(buffer, at, count),

  float16: (buffer, at, count) => Float32Array.from(new Uint16Array(buffer, at, count), halfValue),

  // Whole numbers, after a factor for each row.
  int8(buffer, at, count, rows) {
    const factors = new Float32Array(buffer, at, rows);
    const numbers = new Int8Array(buffer, at + 4 * rows, count);
    const length = count / rows;
    return Float32Array.from(numbers, (number, place) => number * factors[Math.floor(place / length)]);
  },
};

function halfValue(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
