// Convolutions as products of matrices: the weights are the left one, and the patches of the image the right one.

// Adds borders of zeros, so that no patch needs a test.
function bordered(image, start, { channels, height, width, top, left, bottom, right }) {
  const [tall, wide] = [height + top + bottom, width + left + right];
  const result = new Float32Array(channels * tall * wide);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      const source = start + (channel * height + y) * width;
      result.set(image.subarray(source, source + width), (channel * tall + y + top) * wide + left);
    }
  }
  return result;
}

// Writes panels of patches: 8 places of the result, in rows of `across`, and all numbers of their patches.
function fillPatches(image, wide, offsets, { across, count, stride: [down, right] }) {
  return (floats, place, column) => {
    const at = (number) => {
      const pixel = Math.min(column + number, count - 1);
      return Math.floor(pixel / across) * down * wide + (pixel % across) * right;
    };
    const [a, b, c, d] = [at(0), at(1), at(2), at(3)];
    const [e, f, g, h] = [at(4), at(5), at(6), at(7)];
    for (let k = 0, target = place; k < offsets.length; k++, target += TILE_COLUMNS) {
      const offset = offsets[k];
      floats[target] = image[offset + a];
      floats[target + 1] = image[offset + b];
      floats[target + 2] = image[offset + c];
      floats[target + 3] = image[offset + d];
      floats[target + 4] = image[offset + e];
      floats[target + 5] = image[offset + f];
      floats[target + 6] = image[offset + g];
      floats[target + 7] = image[offset + h];
    }
  };
}

// Where the numbers of a patch lie in a bordered image, in the order of the weights.
function patchOffsets(channels, tall, wide, [rows, columns], [down, right]) {
  const offsets = new Int32Array(channels * rows * columns);
  for (let channel = 0, k = 0; channel < channels; channel++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) offsets[k++] = (channel * tall + y * down) * wide + x * right;
    }
  }
  return offsets;
}

// Weights are [results, channels / groups, rows, columns].
function convolve(matrices, image, weights, options, constant) {
  const { batch, channels, height, width, results, kernel, stride, padding, dilation, groups, size } = options;
  const [high, across] = size;
  const [inner, outer] = [channels / groups, results / groups];
  const border = { channels: inner, height, width, top: padding[0], bottom: padding[0], left: padding[1], right: padding[1] };
  const [tall, wide] = [height + 2 * padding[0], width + 2 * padding[1]];
  const offsets = patchOffsets(inner, tall, wide, kernel, dilation);
  const count = high * across;
  const output = new Float32Array(batch * results * count);
  const before = matrices.used;
  for (let group = 0; group < groups; group++) {
    const shape = { start: group * outer * offsets.length, rows: outer, depth: offsets.length, strides: [offsets.length, 1] };
    const left = matrices.pack(weights, shape, constant);
    for (let row = 0; row < batch; row++) {
      const patches = bordered(image, (row * channels + group * inner) * height * width, border);
      matrices.multiply(
        { left, rows: outer, depth: offsets.length, columns: count },
        fillPatches(patches, wide, offsets, { across, count, stride }),
        takeRows(output, { start: (row * results + group * outer) * count, rows: outer, columns: count }),
      );
    }
  }
  if (!constant) matrices.release(before);
  return output;
}

// A transposed convolution is one convolution for each remainder of a pixel's place by the stride, with the
// weights that reach such pixels. Weights are [channels, results, rows, columns], and there is one group.
function convolveTransposed(matrices, image, weights, options, constant) {
  const { batch, channels, height, width, results, kernel, stride, padding, size } = options;
  const output = new Float32Array(batch * results * size[0] * size[1]);
  const before = matrices.used;
  for (let down = 0; down < stride[0]; down++) {
    for (let right = 0; right < stride[1]; right++) {
      const rows = tapsOf(down, 0);
      const columns = tapsOf(right, 1);
      if (rows.places.length && columns.places.length) phase(rows, columns);
    }
  }
  if (!constant) matrices.release(before);
  return output;

  // The pixels of a remainder along an axis, the taps of the kernel that reach them, and the border they need.
  function tapsOf(remainder, axis) {
    const length = axis === 0 ? height : width;
    const first = ((remainder - padding[axis]) % stride[axis] + stride[axis]) % stride[axis];
    const places = [];
    for (let place = first; place < size[axis]; place += stride[axis]) places.push(place);
    const taps = [];
    for (let tap = remainder; tap < kernel[axis]; tap += stride[axis]) taps.unshift(tap);
    const start = (first + padding[axis] - (taps[0] ?? 0)) / stride[axis];
    const before = Math.max(0, -start);
    const after = Math.max(0, start + places.length - 1 + taps.length - length);
    return { places, taps, before, after, skip: Math.max(0, start) };
  }

  function phase(rows, columns) {
    const offsets = [];
    const [tall, wide] = [height + rows.before + rows.after, width + columns.before + columns.after];
    for (let channel = 0; channel < channels; channel++) {
      rows.taps.forEach((_, y) => columns.taps.forEach((__, x) => offsets.push((channel * tall + y + rows.skip) * wide + x + columns.skip)));
    }
    const left = packPhase(rows.taps, columns.taps, offsets.length);
    const border = { channels, height, width, top: rows.before, bottom: rows.after, left: columns.before, right: columns.after };
    const across = columns.places.length;
    const count = rows.places.length * across;
    for (let row = 0; row < batch; row++) {
      const patches = bordered(image, row * channels * height * width, border);
      matrices.multiply(
        { left, rows: results, depth: offsets.length, columns: count },
        fillPatches(patches, wide, offsets, { across, count, stride: [1, 1] }),
        (floats, place, column) => {
          for (let offset = 0; offset < TILE_COLUMNS && column + offset < count; offset++) {
            const pixel = column + offset;
            const target = rows.places[Math.floor(pixel / across)] * size[1] + columns.places[pixel % across];
            for (let result = 0; result < results; result++) {
              output[(row * results + result) * size[0] * size[1] + target] = floats[place + result * TILE_COLUMNS + offset];
            }
          }
        },
      );
    }
  }

  function packPhase(rows, columns, depth) {
    const key = `phase ${rows} ${columns}`;
    const kept = matrices.packed.get(weights)?.get(key);
    if (kept !== undefined) return kept;
    const chosen = new Float32Array(results * depth);
    for (let result = 0, target = 0; result < results; result++) {
      for (let channel = 0; channel < channels; channel++) {
        for (const y of rows) {
          for (const x of columns) chosen[target++] = weights[((channel * results + result) * kernel[0] + y) * kernel[1] + x];
        }
      }
    }
    const place = matrices.pack(chosen, { start: 0, rows: results, depth, strides: [depth, 1] }, false);
    if (constant) {
      if (!matrices.packed.has(weights)) matrices.packed.set(weights, new Map());
      matrices.packed.get(weights).set(key, place);
    }
    return place;
  }
}
