// The arithmetic of a chart: ticks, scales, smoothing, and the point nearest to the pointer.
function linearTicks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw * 0.999);
  const ticks = [];
  for (let place = Math.ceil(low / size - 1e-9); place * size <= high + 1e-9 * size; place += 1) ticks.push(place * size);
  return ticks;
}

function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const factors = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const factor of factors) ticks.push(factor * 10 ** power);
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

// A scale from values to pixels, with its ticks.
function scaleOf(values, from, to, { logarithmic = false, count = 6, pad = 0.06 } = {}) {
  let [low, high] = extent(values);
  if (low === high) [low, high] = low > 0 && logarithmic ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(low) || 1) / 2];
  const transform = logarithmic ? Math.log : (value) => value;
  const margin = pad * (transform(high) - transform(low));
  const start = transform(low) - margin;
  const end = transform(high) + margin;
  const scale = (value) => from + ((transform(value) - start) / (end - start)) * (to - from);
  const inverse = logarithmic ? Math.exp : (value) => value;
  scale.ticks = logarithmic ? logTicks(inverse(start), inverse(end)) : linearTicks(start, end, count);
  return scale;
}

// A centred moving average over about a twentieth of the line.
function smoothed(values) {
  const reach = Math.max(1, Math.round(values.length / 40));
  return values.map((_, place) => {
    const part = values.slice(Math.max(0, place - reach), place + reach + 1);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

function nearestIndex(sorted, target) {
  let low = 0;
  let high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < target) low = middle;
    else high = middle;
  }
  return Math.abs(sorted[low] - target) <= Math.abs(sorted[high] - target) ? low : high;
}

function pathOf(xs, ys) {
  return xs.map((x, place) => `${place ? "L" : "M"}${x.toFixed(1)},${ys[place].toFixed(1)}`).join("");
}
