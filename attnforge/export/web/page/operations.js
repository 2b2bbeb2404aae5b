// The operations of a graph. All values are arrays of floats in the order of their shapes, also token ids, and
// truths as 0 and 1; whatever depends on shapes was computed when the page was written.
const UNARY = {
  relu: (x) => (x > 0 ? x : 0),
  leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  neg: (x) => -x,
  sign: Math.sign,
  abs: Math.abs,
  sin: Math.sin,
  cos: Math.cos,
  trunc: Math.trunc,
  floor: Math.floor,
  clamp: (x, low, high) => (x < low ? low : x > high ? high : x),
  not: (x) => (x ? 0 : 1),
};

const ZIPPED = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  pow: (x, y) => x ** y,
  remainder: (x, y) => x - y * Math.floor(x / y),
  maximum: Math.max,
  minimum: Math.min,
  eq: (x, y) => (x === y ? 1 : 0),
  ne: (x, y) => (x !== y ? 1 : 0),
  ge: (x, y) => (x >= y ? 1 : 0),
  gt: (x, y) => (x > y ? 1 : 0),
  le: (x, y) => (x <= y ? 1 : 0),
  lt: (x, y) => (x < y ? 1 : 0),
  and: (x, y) => (x && y ? 1 : 0),
  or: (x, y) => (x || y ? 1 : 0),
  where: (chosen, x, y) => (chosen ? x : y),
};

// What a reduction begins with, and what it adds each number by.
const REDUCED = {
  sum: [0, ZIPPED.add],
  amax: [-Infinity, Math.max],
  amin: [Infinity, Math.min],
};

// Each takes its input arrays and options, and returns its output array, or several in an array.
const OPERATIONS = {
  map([x], { function: name, numbers = [] }) {
    const apply = UNARY[name];
    const [first, second] = numbers.map((number, place) => number ?? (place ? Infinity : -Infinity));
    const output = new Float32Array(x.length);
    for (let place = 0; place < x.length; place++) output[place] = apply(x[place], first, second);
    return output;
  },

  // Numbers of several arrays, place by place; a stride of 0 repeats an array along a dimension.
  zip(inputs, { function: name, shape, strides, fixed = {} }) {
    const apply = ZIPPED[name];
    const arrays = strides.map((_, place) => (place in fixed ? Float32Array.of(fixed[place]) : inputs.shift()));
    const output = new Float32Array(shape.reduce((product, length) => product * length, 1));
    const inner = shape.at(-1) ?? 1;
    const third = { array: arrays[2] ?? arrays[1], strides: strides[2] ?? strides[1] };
    const [a, b, c] = [arrays[0], arrays[1], third.array];
    const [da, db, dc] = [strides[0], strides[1], third.strides].map((all) => all.at(-1) ?? 0);
    let target = 0;
    walk(shape.slice(0, -1), [strides[0], strides[1], third.strides], [0, 0, 0], ([ia, ib, ic]) => {
      for (let place = 0; place < inner; place++, ia += da, ib += db, ic += dc) output[target++] = apply(a[ia], b[ib], c[ic]);
    });
    return output;
  },

  // Numbers that lie `strides` apart: a part of an array, turned or repeated.
  copy([x], { shape, strides, offset }) {
    const output = new Float32Array(shape.reduce((product, length) => product * length, 1));
    const [inner, stride] = [shape.at(-1) ?? 1, strides.at(-1) ?? 1];
    let target = 0;
    walk(shape.slice(0, -1), [strides], [offset], ([source]) => {
      for (let place = 0; place < inner; place++, source += stride) output[target++] = x[source];
    });
    return output;
  },

  // An array as a part of a larger one, which is otherwise of one value.
  paste([x], { shape, strides, offset, size, value }) {
    const output = new Float32Array(size).fill(value);
    const [inner, stride] = [shape.at(-1) ?? 1, strides.at(-1) ?? 1];
    let source = 0;
    walk(shape.slice(0, -1), [strides], [offset], ([target]) => {
      for (let place = 0; place < inner; place++, target += stride) output[target] = x[source++];
    });
    return output;
  },

  join(inputs, { outer }) {
    const output = new Float32Array(inputs.reduce((sum, x) => sum + x.length, 0));
    let target = 0;
    for (let row = 0; row < outer; row++) {
      for (const x of inputs) {
        const length = x.length / outer;
        output.set(x.subarray(row * length, (row + 1) * length), target);
        target += length;
      }
    }
    return output;
  },

  // Rows of a table, or slices along a dimension, by their numbers.
  select([x, numbers], { outer, length, inner }) {
    const output = new Float32Array(outer * numbers.length * inner);
    for (let row = 0, target = 0; row < outer; row++) {
      for (const number of numbers) {
        const source = (row * length + number) * inner;
        output.set(x.subarray(source, source + inner), target);
        target += inner;
      }
    }
    return output;
  },

  // x along one dimension at places that `numbers` has for each number of the result.
  gather([x, numbers], { outer, length, inner, places }) {
    const output = new Float32Array(outer * places * inner);
    for (let row = 0, target = 0; row < outer; row++) {
      for (let place = 0; place < places; place++) {
        for (let column = 0; column < inner; column++, target++) output[target] = x[(row * length + numbers[target]) * inner + column];
      }
    }
    return output;
  },

  glu([x], { outer, half }) {
    const output = new Float32Array(outer * half);
    for (let row = 0, target = 0; row < outer; row++) {
      const start = 2 * row * half;
      for (let place = start; place < start + half; place++) output[target++] = x[place] / (1 + Math.exp(-x[place + half]));
    }
    return output;
  },

  softmax([x], { outer, length, inner }) {
    const output = new Float32Array(x.length);
    for (let row = 0; row < outer; row++) {
      for (let column = 0; column < inner; column++) {
        const start = row * length * inner + column;
        let [most, total] = [-Infinity, 0];
        for (let place = 0, at = start; place < length; place++, at += inner) most = Math.max(most, x[at]);
        for (let place = 0, at = start; place < length; place++, at += inner) total += output[at] = Math.exp(x[at] - most);
        for (let place = 0, at = start; place < length; place++, at += inner) output[at] /= total;
      }
    }
    return output;
  },

  reduce([x], { function: name, outer, length, inner }) {
    const [start, apply] = REDUCED[name];
    const output = new Float32Array(outer * inner);
    for (let row = 0; row < outer; row++) {
      for (let column = 0; column < inner; column++) {
        let result = start;
        for (let place = 0, at = row * length * inner + column; place < length; place++, at += inner) result = apply(result, x[at]);
        output[row * inner + column] = result;
      }
    }
    return output;
  },

  // Batch normalisation with the statistics of training.
  normalize([x, mean, variance, weight, bias], { outer, channels, inner, epsilon }) {
    const output = new Float32Array(x.length);
    for (let row = 0, at = 0; row < outer; row++) {
      for (let channel = 0; channel < channels; channel++) {
        const scale = (weight?.[channel] ?? 1) / Math.sqrt(variance[channel] + epsilon);
        const shift = (bias?.[channel] ?? 0) - scale * mean[channel];
        for (const end = at + inner; at < end; at++) output[at] = scale * x[at] + shift;
      }
    }
    return output;
  },

  // Rows of mean 0 and variance 1.
  standardize([x], { outer, length, epsilon }) {
    const output = new Float32Array(x.length);
    for (let row = 0; row < outer; row++) {
      const part = x.subarray(row * length, (row + 1) * length);
      const mean = part.reduce((sum, number) => sum + number, 0) / length;
      const variance = part.reduce((sum, number) => sum + (number - mean) ** 2, 0) / length;
      const scale = 1 / Math.sqrt(variance + epsilon);
      for (let place = 0; place < length; place++) output[row * length + place] = scale * (part[place] - mean);
    }
    return output;
  },

  // Enlarging, reducing and pooling: each row of the result is a sum of rows of the image, and so are its columns.
  resample([x], { planes, height, width, rows, columns }) {
    const tall = new Float32Array(planes * rows.length * width);
    for (let plane = 0, target = 0; plane < planes; plane++) {
      for (const shares of rows) {
        for (const [row, share] of shares) {
          const source = (plane * height + row) * width;
          for (let place = 0; place < width; place++) tall[target + place] += share * x[source + place];
        }
        target += width;
      }
    }
    const output = new Float32Array(planes * rows.length * columns.length);
    for (let row = 0, target = 0; row < planes * rows.length; row++) {
      for (const shares of columns) {
        let total = 0;
        for (const [place, share] of shares) total += share * tall[row * width + place];
        output[target++] = total;
      }
    }
    return output;
  },

  // The largest number of each patch, which lies inside of the image.
  largest([x], { planes, height, width, kernel, stride, size }) {
    const output = new Float32Array(planes * size[0] * size[1]);
    for (let plane = 0, target = 0; plane < planes; plane++) {
      for (let y = 0; y < size[0]; y++) {
        for (let place = 0; place < size[1]; place++, target++) {
          const start = (plane * height + y * stride[0]) * width + place * stride[1];
          let most = -Infinity;
          for (let row = 0; row < kernel[0]; row++) {
            for (let column = 0; column < kernel[1]; column++) most = Math.max(most, x[start + row * width + column]);
          }
          output[target] = most;
        }
      }
    }
    return output;
  },

  multiply([left, right], { batch, rows, depth, columns }, { matrices, constant }) {
    const output = new Float32Array(batch * rows * columns);
    const before = matrices.used;
    for (let number = 0; number < batch; number++) {
      const [start, from, to] = [number * rows * depth, number * depth * columns, number * rows * columns];
      if (rows < TILE_ROWS) multiplyRows(left, right, output, { start, from, to, rows, depth, columns });
      else {
        const packed = matrices.pack(left, { start, rows, depth, strides: [depth, 1] }, constant[0]);
        const source = fillFrom(right, { start: from, depth, columns, strides: [columns, 1] });
        matrices.multiply({ left: packed, rows, depth, columns }, source, takeRows(output, { start: to, rows, columns }));
      }
    }
    if (!constant[0]) matrices.release(before);
    return output;
  },

  convolve: ([x, weights], options, { matrices, constant }) => convolve(matrices, x, weights, options, constant[1]),

  convolve_transposed: ([x, weights], options, { matrices, constant }) =>
    convolveTransposed(matrices, x, weights, options, constant[1]),

  lstm,
};

// Calls back with the places in several arrays for every combination of indices but the last.
function walk(shape, strides, starts, visit) {
  if (shape.length === 0) return visit(starts);
  for (let index = 0; index < shape[0]; index++) {
    const places = starts.map((start, number) => start + index * strides[number][0]);
    walk(shape.slice(1), strides.map((all) => all.slice(1)), places, visit);
  }
}

function multiplyRows(left, right, output, { start, from, to, rows, depth, columns }) {
  for (let row = 0; row < rows; row++) {
    const sums = output.subarray(to + row * columns, to + (row + 1) * columns);
    for (let k = 0; k < depth; k++) {
      const factor = left[start + row * depth + k];
      if (factor === 0) continue;
      const source = from + k * columns;
      for (let column = 0; column < columns; column++) sums[column] += factor * right[source + column];
    }
  }
}

// A recurrent layer in both directions or one, with torch's order of gates: input, forget, cell, output.
function lstm([x, hidden, cell, ...weights], { batch, steps, width, units, layers, directions, biases, batchFirst }) {
  let input = x;
  let size = width;
  const at = (step, row, length) => (batchFirst ? row * steps + step : step * batch + row) * length;
  const [lastHidden, lastCell] = [hidden.slice(), cell.slice()];
  for (let layer = 0; layer < layers; layer++) {
    const output = new Float32Array(batch * steps * directions * units);
    for (let direction = 0; direction < directions; direction++) {
      const [forInput, forHidden, ...both] = weights.splice(0, biases ? 4 : 2);
      for (let row = 0; row < batch; row++) {
        const state = ((layer * directions + direction) * batch + row) * units;
        const [h, c] = [lastHidden.subarray(state, state + units), lastCell.subarray(state, state + units)];
        for (let number = 0; number < steps; number++) {
          const step = direction ? steps - 1 - number : number;
          const start = at(step, row, size);
          const gates = gatesOf(input.subarray(start, start + size), h, forInput, forHidden, both);
          for (let unit = 0; unit < units; unit++) {
            const [enter, forget, add, leave] = [gates[unit], gates[units + unit], gates[2 * units + unit], gates[3 * units + unit]];
            c[unit] = UNARY.sigmoid(forget) * c[unit] + UNARY.sigmoid(enter) * Math.tanh(add);
            h[unit] = UNARY.sigmoid(leave) * Math.tanh(c[unit]);
          }
          output.set(h, at(step, row, directions * units) + direction * units);
        }
      }
    }
    [input, size] = [output, directions * units];
  }
  return [input, lastHidden, lastCell];
}

function gatesOf(x, h, forInput, forHidden, biases) {
  const gates = new Float32Array(4 * h.length);
  for (let gate = 0; gate < gates.length; gate++) {
    let total = biases.reduce((sum, bias) => sum + bias[gate], 0);
    for (let place = 0, at = gate * x.length; place < x.length; place++) total += forInput[at + place] * x[place];
    for (let place = 0, at = gate * h.length; place < h.length; place++) total += forHidden[at + place] * h[place];
    gates[gate] = total;
  }
  return gates;
}
