// Maps of words: their weights, those above the uniform share, and their upsampling.

// Calls back at once if there are bytes or the sprite is loaded, and otherwise when it is.
function whenLoaded(maps, callback) {
  if (maps.bytes) return callback();
  maps.image ??= Object.assign(new Image(), { src: maps.sprite });
  if (maps.image.complete) callback();
  else maps.image.addEventListener("load", callback, { once: true });
}

// One word's weights, cell by cell; `above` keeps those above the uniform share (see figure.py).
function weightsOf(maps, word, above) {
  const cells = maps.width * maps.height;
  maps.bytes ??= redChannel(maps.image, maps.width, maps.height * maps.share.length);
  return Float32Array.from({ length: cells }, (_, cell) => {
    const weight = (maps.bytes[word * cells + cell] / 255) * maps.peak[word];
    if (!above) return weight;
    return weight > maps.uniform * 1.00001 ? weight - maps.offset : 0;
  });
}

function redChannel(image, width, height) {
  const canvas = make("canvas", { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  return pen.getImageData(0, 0, width, height).data.filter((_, place) => place % 4 === 0);
}

// A map upsampled to side x side pixels: every cell covers its square, then a Gaussian of half a cell filters
// the result with reflected borders (see enlarging.py).
function enlarge(values, width, height, side) {
  const rows = spread(height, side);
  const columns = spread(width, side);
  const tall = new Float32Array(side * width);
  const large = new Float32Array(side * side);
  for (let y = 0; y < side; y++) {
    for (const [cell, share] of rows[y]) {
      for (let x = 0; x < width; x++) tall[y * width + x] += share * values[cell * width + x];
    }
    for (let x = 0; x < side; x++) {
      for (const [cell, share] of columns[x]) large[y * side + x] += share * tall[y * width + cell];
    }
  }
  return large;
}

const spreads = new Map();

// The weights of the cells for every pixel, as pairs of cell and share; the shares of a pixel sum to one.
function spread(cells, side) {
  const key = `${cells} ${side}`;
  if (!spreads.has(key)) spreads.set(key, Array.from({ length: side }, (_, pixel) => pixelSpread(pixel, cells, side)));
  return spreads.get(key);
}

function pixelSpread(pixel, cells, side) {
  const deviation = (0.5 * side) / cells;
  const reach = Math.ceil(4 * deviation);
  const shares = new Map();
  let total = 0;
  for (let place = pixel - reach; place <= pixel + reach; place++) {
    const weight = Math.exp(-0.5 * ((place - pixel) / deviation) ** 2);
    const wrapped = ((place % (2 * side)) + 2 * side) % (2 * side);
    const start = Math.min(wrapped, 2 * side - 1 - wrapped) * cells;
    for (let cell = Math.floor(start / side); cell * side < start + cells; cell++) {
      const covered = (Math.min(start + cells, (cell + 1) * side) - Math.max(start, cell * side)) / cells;
      shares.set(cell, (shares.get(cell) ?? 0) + weight * covered);
    }
    total += weight;
  }
  return [...shares].map(([cell, share]) => [cell, share / total]);
}

// Paints a canvas with dark or pale shade or with heat; `brightest` is the weight that is not shaded.
function paint(canvas, values, width, height, brightest, style) {
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  const pixels = pen.createImageData(width, height);
  values.forEach((value, place) => {
    const share = brightest > 0 ? Math.min(1, value / brightest) : 0;
    const colour = style === "heat" ? heat(share) : [...SHADES[style], 0.84 * (1 - share)];
    colour[3] *= 255;
    pixels.data.set(colour, 4 * place);
  });
  pen.putImageData(pixels, 0, 0);
}

// What attends little is dark, or pale, where a part that attends is black itself.
const SHADES = { light: [8, 8, 12], pale: [250, 249, 246] };

// Violet, red, yellow: also distinguishable by brightness alone.
function heat(share) {
  const stops = [[48, 12, 110], [205, 45, 85], [252, 232, 90]];
  const place = Math.min(share * 2, 1.999);
  const from = stops[Math.floor(place)];
  const to = stops[Math.floor(place) + 1];
  const part = place % 1;
  return [...from.map((value, channel) => value + part * (to[channel] - value)), 0.35 + 0.4 * share];
}

const highest = (values) => values.reduce((most, value) => Math.max(most, value), 0);
