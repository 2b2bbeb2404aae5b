// The inner loop of all products of matrices: 4 rows of the left times 8 columns of the right, which is where
// nearly all time goes. It is assembled here for WebAssembly's 128-bit vectors, so that the page needs no compiler
// and no binary of anybody; a browser without vectors runs the same loop in JavaScript, several times slower.
const TILE_ROWS = 4;
const TILE_COLUMNS = 8;

// Operations of WebAssembly, by their names in its text format.
const CODE = {
  loop: [0x03, 0x40],
  end: [0x0b],
  brIf: [0x0d, 0],
  get: (local) => [0x20, local],
  set: (local) => [0x21, local],
  tee: (local) => [0x22, local],
  constant: (number) => [0x41, ...signed(number)],
  add: [0x6a],
  load: (offset) => [0xfd, 0x00, 2, ...unsigned(offset)],
  splat: (offset) => [0xfd, 0x09, 2, ...unsigned(offset)],
  store: (offset) => [0xfd, 0x0b, 2, ...unsigned(offset)],
  addVectors: [0xfd, 0xe4, 0x01],
  multiplyVectors: [0xfd, 0xe6, 0x01],
};
const INTEGER = 0x7f;
const VECTOR = 0x7b;

function unsigned(number) {
  return number < 128 ? [number] : [(number % 128) + 128, ...unsigned(Math.floor(number / 128))];
}

function signed(number) {
  return number >= -64 && number < 64 ? [number & 0x7f] : [(number & 0x7f) | 0x80, ...signed(number >> 7)];
}

// tile(left, right, result, depth, stride): addresses in bytes of 4-row columns of the left matrix, of 8-column
// rows of the right one and of the result, whose rows are `stride` bytes apart; `depth` is at least 1.
function tileCode() {
  const [left, right, result, depth, stride, sums] = [0, 1, 2, 3, 4, 5];
  const vectors = TILE_COLUMNS / 4;
  const factor = sums + TILE_ROWS * vectors;
  const row = (place) => factor + 1 + place;
  const step = (local, bytes) => [CODE.get(local), CODE.constant(bytes), CODE.add, CODE.set(local)];
  const places = [...Array(TILE_ROWS).keys()];
  const parts = [...Array(vectors).keys()];
  return [
    CODE.loop,
    parts.map((part) => [CODE.get(right), CODE.load(16 * part), CODE.set(row(part))]),
    places.map((place) => [
      [CODE.get(left), CODE.splat(4 * place), CODE.set(factor)],
      parts.map((part) => {
        const sum = sums + place * vectors + part;
        return [CODE.get(factor), CODE.get(row(part)), CODE.multiplyVectors, CODE.get(sum), CODE.addVectors, CODE.set(sum)];
      }),
    ]),
    step(left, 4 * TILE_ROWS),
    step(right, 4 * TILE_COLUMNS),
    [CODE.get(depth), CODE.constant(-1), CODE.add, CODE.tee(depth), CODE.brIf],
    CODE.end,
    places.map((place) => [
      parts.map((part) => [CODE.get(result), CODE.get(sums + place * vectors + part), CODE.store(16 * part)]),
      [CODE.get(result), CODE.get(stride), CODE.add, CODE.set(result)],
    ]),
    CODE.end,
  ].flat(Infinity);
}

// A module that imports `page.memory` and exports `tile`.
function tileModule() {
  const section = (number, bytes) => [number, ...unsigned(bytes.length), ...bytes];
  const name = (text) => [text.length, ...[...text].map((letter) => letter.charCodeAt(0))];
  const vectors = TILE_ROWS * (TILE_COLUMNS / 4) + 1 + TILE_COLUMNS / 4;
  const body = [1, vectors, VECTOR, ...tileCode()];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 5, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, 0]),
    ...section(2, [1, ...name("page"), ...name("memory"), 0x02, 0x00, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("tile"), 0x00, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

// The loop for a memory, and whether it uses vectors.
function makeTile(memory) {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(tileModule()), { page: { memory } });
    return { tile: exports.tile, vectors: true };
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return { tile: plainTile(memory), vectors: false };
  }
}

function plainTile(memory) {
  let floats = new Float32Array(memory.buffer);
  return (left, right, result, depth, stride) => {
    if (floats.buffer !== memory.buffer) floats = new Float32Array(memory.buffer);
    for (let row = 0; row < TILE_ROWS; row++) {
      for (let column = 0; column < TILE_COLUMNS; column += 4) {
        let [first, second, third, fourth] = [0, 0, 0, 0];
        for (let k = 0, a = left / 4 + row, b = right / 4 + column; k < depth; k++, a += TILE_ROWS, b += TILE_COLUMNS) {
          const factor = floats[a];
          first += factor * floats[b];
          second += factor * floats[b + 1];
          third += factor * floats[b + 2];
          fourth += factor * floats[b + 3];
        }
        floats.set([first, second, third, fourth], (result + row * stride) / 4 + column);
      }
    }
  };
}
