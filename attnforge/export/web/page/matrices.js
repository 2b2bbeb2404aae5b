// Products of matrices in a memory of their own. The left matrix is packed in blocks of 4 rows, once for weights;
// the right one comes in panels of 8 columns, which `fill` writes, so that a convolution never stores its patches.
class Matrices {
  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1 });
    Object.assign(this, makeTile(this.memory));
    this.used = 0;
    this.packed = new WeakMap();
    this.floats = new Float32Array(this.memory.buffer);
  }

  // The place of so many floats, which stay until `release` returns to a place before them.
  reserve(count) {
    const place = this.used;
    this.used += Math.ceil(count / 4) * 4;
    const missing = 4 * this.used - this.memory.buffer.byteLength;
    if (missing > 0) {
      this.memory.grow(Math.ceil(missing / 65536));
      this.floats = new Float32Array(this.memory.buffer);
    }
    return place;
  }

  release(place) {
    this.used = place;
  }

  // Packs rows x depth numbers that lie `strides` apart; those of a constant array stay packed.
  pack(numbers, { start, rows, depth, strides: [rowStride, depthStride] }, constant) {
    const key = `${start} ${rows} ${depth} ${rowStride} ${depthStride}`;
    const kept = this.packed.get(numbers)?.get(key);
    if (kept !== undefined) return kept;
    const blocks = Math.ceil(rows / TILE_ROWS);
    const place = this.reserve(blocks * depth * TILE_ROWS);
    const { floats } = this;
    for (let block = 0, target = place; block < blocks; block++) {
      for (let k = 0; k < depth; k++) {
        for (let row = block * TILE_ROWS; row < (block + 1) * TILE_ROWS; row++) {
          floats[target++] = row < rows ? numbers[start + row * rowStride + k * depthStride] : 0;
        }
      }
    }
    if (constant) {
      if (!this.packed.has(numbers)) this.packed.set(numbers, new Map());
      this.packed.get(numbers).set(key, place);
    }
    return place;
  }

  // left (packed) times right: `fill(floats, place, column)` writes 8 columns from `column` on, depth x 8 numbers;
  // `take(floats, place, column)` reads rows x 8 numbers of the result.
  multiply({ left, rows, depth, columns }, fill, take) {
    const before = this.used;
    const panel = this.reserve(depth * TILE_COLUMNS);
    const blocks = Math.ceil(rows / TILE_ROWS);
    const result = this.reserve(blocks * TILE_ROWS * TILE_COLUMNS);
    const { floats, tile } = this;
    for (let column = 0; column < columns; column += TILE_COLUMNS) {
      fill(floats, panel, column);
      for (let block = 0; block < blocks; block++) {
        const rest = block * TILE_ROWS;
        tile(4 * (left + rest * depth), 4 * panel, 4 * (result + rest * TILE_COLUMNS), depth, 4 * TILE_COLUMNS);
      }
      take(floats, result, column);
    }
    this.release(before);
  }
}

// Reads a panel of the result into rows of `columns` numbers, from `start` on.
function takeRows(output, { start, rows, columns }) {
  return (floats, place, column) => {
    const count = Math.min(TILE_COLUMNS, columns - column);
    for (let row = 0, source = place; row < rows; row++, source += TILE_COLUMNS) {
      const target = start + row * columns + column;
      for (let offset = 0; offset < count; offset++) output[target + offset] = floats[source + offset];
    }
  };
}

// Writes panels of a matrix in memory; columns beyond its last are zero.
function fillFrom(numbers, { start, depth, columns, strides: [depthStride, columnStride] }) {
  return (floats, place, column) => {
    const count = Math.min(TILE_COLUMNS, columns - column);
    for (let k = 0, target = place; k < depth; k++, target += TILE_COLUMNS) {
      const source = start + k * depthStride + column * columnStride;
      for (let offset = 0; offset < TILE_COLUMNS; offset++) {
        floats[target + offset] = offset < count ? numbers[source + offset * columnStride] : 0;
      }
    }
  };
}
