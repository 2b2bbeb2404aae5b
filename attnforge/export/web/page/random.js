// The numbers that attnforge draws from a seed, so that noise 7 of the page is noise 7 of `attnforge sample`:
// SHA-256 derives the generator's seed, a Mersenne twister draws, and torch's way makes normal numbers of them.
function sha256(text) {
  const bytes = [...new TextEncoder().encode(text), 0x80];
  while (bytes.length % 64 !== 56) bytes.push(0);
  const bits = 8 * new TextEncoder().encode(text).length;
  const padded = new DataView(new ArrayBuffer(bytes.length + 8));
  bytes.forEach((byte, place) => padded.setUint8(place, byte));
  padded.setUint32(bytes.length, Math.floor(bits / 2 ** 32));
  padded.setUint32(bytes.length + 4, bits);
  const state = PRIMES.slice(0, 8).map((prime) => fractionBits(prime ** (1 / 2)));
  for (let start = 0; start < padded.byteLength; start += 64) mixBlock(state, padded, start);
  return state;
}

const PRIMES = [];
for (let number = 2; PRIMES.length < 64; number++) if (PRIMES.every((prime) => number % prime)) PRIMES.push(number);
const fractionBits = (number) => Math.floor((number % 1) * 2 ** 32) | 0;
const ROUNDS = PRIMES.map((prime) => fractionBits(prime ** (1 / 3)));
const rotated = (number, places) => (number >>> places) | (number << (32 - places));

function mixBlock(state, data, start) {
  const words = Array.from({ length: 16 }, (_, place) => data.getInt32(start + 4 * place));
  for (let place = 16; place < 64; place++) {
    const [early, late] = [words[place - 15], words[place - 2]];
    const first = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
    const second = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
    words.push((words[place - 16] + first + words[place - 7] + second) | 0);
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let place = 0; place < 64; place++) {
    const chosen = (e & f) ^ (~e & g);
    const first = (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + chosen + ROUNDS[place] + words[place]) | 0;
    const most = (a & b) ^ (a & c) ^ (b & c);
    const second = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + most) | 0;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  }
  [a, b, c, d, e, f, g, h].forEach((word, place) => {
    state[place] = (state[place] + word) | 0;
  });
}

// The lower 32 bits, which are all that the twister uses, of `attnforge.seeds.derive_seed`.
function derivedSeed(...names) {
  const digest = new DataView(new ArrayBuffer(8));
  sha256(names.join("/")).slice(0, 2).forEach((word, place) => digest.setInt32(4 * place, word));
  return Number((digest.getBigUint64(0, true) >> 1n) & 0xffffffffn);
}

// MT19937 (Matsumoto and Nishimura, 1998).
class Twister {
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed;
    for (let place = 1; place < 624; place++) {
      const before = this.state[place - 1] ^ (this.state[place - 1] >>> 30);
      this.state[place] = Math.imul(1812433253, before) + place;
    }
    this.place = 624;
  }

  next() {
    if (this.place === 624) this.twist();
    let number = this.state[this.place++];
    number ^= number >>> 11;
    number ^= (number << 7) & 0x9d2c5680;
    number ^= (number << 15) & 0xefc60000;
    return (number ^ (number >>> 18)) >>> 0;
  }

  twist() {
    const { state } = this;
    for (let place = 0; place < 624; place++) {
      const mixed = (state[place] & 0x80000000) | (state[(place + 1) % 624] & 0x7fffffff);
      state[place] = state[(place + 397) % 624] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.place = 0;
  }
}

// Draws as torch does on a CPU: 24 random bits for a single number, pairs of places for normal ones.
class Draws {
  constructor(seed) {
    this.twister = new Twister(seed);
    this.spare = null;
  }

  uniform(count) {
    return Float32Array.from({ length: count }, () => (this.twister.next() & 0xffffff) * 2 ** -24);
  }

  normal(count) {
    if (count < 16) return Float32Array.from({ length: count }, () => this.single());
    const numbers = this.uniform(count);
    for (let start = 0; start + 16 <= count; start += 16) turnPairs(numbers.subarray(start, start + 16));
    if (count % 16) {
      const last = this.uniform(16);
      turnPairs(last);
      numbers.set(last, count - 16);
    }
    return numbers;
  }

  // Fewer than 16 numbers are drawn one by one, in double precision; each second one is kept for the next.
  single() {
    if (this.spare !== null) {
      const { spare } = this;
      this.spare = null;
      return spare;
    }
    const [angle, size] = [2 * Math.PI * this.double(), Math.sqrt(-2 * Math.log1p(-this.double()))];
    this.spare = size * Math.sin(angle);
    return size * Math.cos(angle);
  }

  double() {
    const [high, low] = [this.twister.next(), this.twister.next()];
    return ((high & 0x1fffff) * 2 ** 32 + low) * 2 ** -53;
  }
}

// Box and Muller's method on the first and second half of 16 numbers.
function turnPairs(numbers) {
  for (let place = 0; place < 8; place++) {
    const size = Math.sqrt(-2 * Math.log(1 - numbers[place]));
    const angle = 2 * Math.PI * numbers[place + 8];
    numbers[place] = size * Math.cos(angle);
    numbers[place + 8] = size * Math.sin(angle);
  }
}

// The share of normal numbers below a number: by its series near 0, by its continued fraction far from it.
function shareBelow(number) {
  const size = Math.abs(number);
  const density = Math.exp(-0.5 * size * size) / Math.sqrt(2 * Math.PI);
  let above;
  if (size < 3) {
    let [sum, term] = [size, size];
    for (let odd = 3; Math.abs(term) > 1e-17; odd += 2) sum += term *= (size * size) / odd;
    above = 0.5 - density * sum;
  } else {
    let fraction = 0;
    for (let level = 60; level > 0; level--) fraction = level / (size + fraction);
    above = density / (size + fraction);
  }
  return number > 0 ? 1 - above : above;
}

// The number below which a share of normal numbers lies: by Halley's method, from the answer of a logistic curve.
function numberAbove(share) {
  let number = Math.log(share / (1 - share)) / 1.702;
  for (let step = 0; step < 40; step++) {
    const density = Math.exp(-0.5 * number * number) / Math.sqrt(2 * Math.PI);
    const error = (shareBelow(number) - share) / density;
    const change = error / (1 + 0.5 * number * error);
    number -= change;
    if (Math.abs(change) < 1e-12) break;
  }
  return number;
}
