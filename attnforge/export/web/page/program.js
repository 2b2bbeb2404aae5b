// A graph as a list of steps. Values have numbers; steps that depend on weights alone are run once.
class Program {
  constructor({ inputs, outputs, weights, prepare, steps }, arrays, matrices) {
    Object.assign(this, { inputs, outputs, steps, matrices });
    this.constants = new Map(weights.map(([value, array]) => [value, arrays[array]]));
    const last = new Map(prepare.flatMap((step, place) => step.in.map((value) => [value, place])));
    const used = new Set([...steps.flatMap((step) => step.in), ...outputs.map(([, value]) => value)]);
    prepare.forEach((step, place) => {
      this.run(step, this.constants);
      step.in.forEach((value) => last.get(value) === place && !used.has(value) && this.constants.delete(value));
    });
    this.unused = unusedAfter(steps, outputs);
  }

  // Inputs by name to outputs by name.
  call(inputs) {
    const values = new Map(this.inputs.map(([name, value]) => [value, inputs[name]]));
    this.steps.forEach((step, place) => {
      this.run(step, values);
      this.unused[place].forEach((value) => values.delete(value));
    });
    return Object.fromEntries(this.outputs.map(([name, value]) => [name, values.get(value) ?? this.constants.get(value)]));
  }

  run({ op, in: inputs, out, ...options }, values) {
    const arrays = inputs.map((value) => values.get(value) ?? this.constants.get(value));
    const constant = inputs.map((value) => this.constants.has(value));
    const result = OPERATIONS[op](arrays, options, { matrices: this.matrices, constant });
    const results = Array.isArray(result) ? result : [result];
    out.forEach((value, place) => values.set(value, results[place]));
  }
}

// After each step, the values that no later step reads.
function unusedAfter(steps, outputs) {
  const last = new Map();
  steps.forEach((step, place) => [...step.in, ...step.out].forEach((value) => last.set(value, place)));
  outputs.forEach(([, value]) => last.delete(value));
  const unused = steps.map(() => []);
  last.forEach((place, value) => unused[place].push(value));
  return unused;
}
