// Curves of one phase: a chart for each group of scalars; its legend shows the values at the pointer.
function chartFigure(chart, phase) {
  const state = { logarithmic: chart.logarithmic, hidden: new Set(), step: null };
  const steps = [...new Set(chart.series.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const svg = make("svg", { class: "chart", role: "img", tabindex: "0", "aria-label": `${chart.title}: ${chartDescription(chart)}` });
  const readout = make("p", { class: "quiet small" }, " ");
  const values = chart.series.map(() => make("span", { class: "number" }));
  const legend = chart.series.map((line, index) =>
    make(
      "button",
      { type: "button", class: `series s${index}`, "aria-pressed": "true", title: "hide or show" , onclick: (event) => {
        if (!state.hidden.delete(index)) state.hidden.add(index);
        event.currentTarget.setAttribute("aria-pressed", String(!state.hidden.has(index)));
        draw();
      } },
      make("span", { class: "swatch" }),
      make("span", {}, line.name.replaceAll("_", " ")),
      values[index],
    ),
  );
  let frame = null;
  const point = () => {
    const step = state.step ?? steps[steps.length - 1];
    chart.series.forEach((line, index) => { values[index].textContent = short(line.values[nearestIndex(line.steps, step)]); });
    readout.textContent = `${state.step === null ? "last, " : ""}step ${Math.round(step).toLocaleString("en")}${elapsed(phase, step)}`;
    if (frame) drawPointer(svg, frame, chart, state);
  };
  const draw = () => {
    frame = drawChart(svg, chart, state);
    point();
  };
  svg.addEventListener("pointermove", (event) => {
    if (!frame) return;
    const step = frame.stepAt(event.clientX - svg.getBoundingClientRect().left);
    state.step = steps[nearestIndex(steps, step)];
    point();
  });
  const clear = () => { state.step = null; point(); };
  svg.addEventListener("pointerleave", clear);
  svg.addEventListener("blur", clear);
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -steps.length, End: steps.length }[event.key];
    if (!move) return;
    event.preventDefault();
    const index = state.step === null ? steps.length - 1 : nearestIndex(steps, state.step);
    state.step = steps[Math.min(steps.length - 1, Math.max(0, index + move))];
    point();
  });
  new ResizeObserver(draw).observe(svg);
  const toggle = make("button", { type: "button", class: "plain", "aria-pressed": String(state.logarithmic), onclick: (event) => {
    state.logarithmic = !state.logarithmic;
    event.currentTarget.setAttribute("aria-pressed", String(state.logarithmic));
    draw();
  } }, "log scale");
  return make(
    "figure",
    { class: "card curve" },
    make("figcaption", {}, make("h4", {}, chart.title), chart.positive ? toggle : null),
    svg,
    make("div", { class: "legend" }, legend),
    readout,
  );
}

function chartDescription(chart) {
  return chart.series
    .map((line) => `${line.name} goes from ${short(line.values[0])} to ${short(line.values[line.values.length - 1])}`)
    .join("; ");
}

function elapsed(phase, step) {
  if (phase.clock.length < 2) return "";
  const [, seconds] = phase.clock[nearestIndex(phase.clock.map(([at]) => at), step)];
  return `, ${duration(seconds)} after the start`;
}

function drawChart(svg, chart, state) {
  const width = svg.clientWidth || 300;
  const height = svg.clientHeight || 220;
  const box = { left: 50, right: width - 10, top: 10, bottom: height - 36 };
  const visible = chart.series.map((line, index) => ({ line, index })).filter(({ index }) => !state.hidden.has(index));
  const shown = visible.length ? visible : chart.series.map((line, index) => ({ line, index }));
  const allSteps = chart.series.flatMap((line) => line.steps);
  const x = scaleOf(allSteps, box.left, box.right, { count: width / 90, pad: 0 });
  const y = scaleOf(shown.flatMap(({ line }) => line.values), box.bottom, box.top, { logarithmic: state.logarithmic });
  const grid = y.ticks.map((tick) => [
    make("line", { class: "grid", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }),
    make("text", { class: "tick", x: box.left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)),
  ]);
  const marks = x.ticks.map((tick) => [
    make("line", { class: "axis", x1: x(tick), x2: x(tick), y1: box.bottom, y2: box.bottom + 4 }),
    make("text", { class: "tick", x: x(tick), y: box.bottom + 17, "text-anchor": x(tick) > box.right - 12 ? "end" : "middle" }, tick.toLocaleString("en")),
  ]);
  const lines = visible.map(({ line, index }) => {
    const xs = line.steps.map(x);
    const noisy = line.values.length > 60;
    const path = (values, kind) => make("path", { class: `${kind} s${index}`, d: pathOf(xs, values.map(y)) });
    if (line.values.length === 1) return make("circle", { class: `dot s${index}`, cx: xs[0], cy: y(line.values[0]), r: 3 });
    return noisy ? [path(line.values, "raw"), path(smoothed(line.values), "line")] : path(line.values, "line");
  });
  svg.replaceChildren(
    ...grid.flat(),
    make("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    ...marks.flat(),
    ...lines.flat(),
    make("text", { class: "tick", x: (box.left + box.right) / 2, y: height - 4, "text-anchor": "middle" }, "step"),
    make("g", { class: "pointer" }),
  );
  const [first, last] = extent(allSteps);
  const stepAt = (pixel) => first + ((pixel - box.left) / (box.right - box.left)) * (last - first);
  return { x, y, box, stepAt };
}

function drawPointer(svg, frame, chart, state) {
  const group = svg.querySelector(".pointer");
  group.replaceChildren();
  if (state.step === null) return;
  const { x, y, box } = frame;
  group.append(make("line", { class: "cursor", x1: x(state.step), x2: x(state.step), y1: box.top, y2: box.bottom }));
  chart.series.forEach((line, index) => {
    if (state.hidden.has(index)) return;
    const point = nearestIndex(line.steps, state.step);
    group.append(make("circle", { class: `dot s${index}`, cx: x(line.steps[point]), cy: y(line.values[point]), r: 3.5 }));
  });
}

function curvesSection(phases) {
  const plotted = phases.filter((phase) => phase.charts.length);
  return section(
    "curves",
    "Curves",
    make("p", { class: "lead" }, "Scalars logged during training. Faint lines are the values, bold lines their moving average."),
    plotted.map((phase) => [
      make("h3", {}, `Phase ${phase.phase}`, phase.seconds === null ? "" : make("span", { class: "quiet" }, ` ${duration(phase.seconds)}`)),
      phase.not_finite ? make("p", { class: "note" }, `${phase.not_finite} logged values are not finite and not plotted.`) : null,
      make("div", { class: "charts" }, phase.charts.map((chart) => chartFigure(chart, phase))),
    ]),
  );
}
