// Metrics: the main ones as cards with a bar and a mark at chance, all of them as a table.
function metricPercent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

function metricCard(metric) {
  const times = metric.chance > 0 ? metric.share / metric.chance : null;
  return make(
    "div",
    { class: "card metric" },
    make("h3", {}, metric.name),
    make("p", { class: "value" }, metric.value),
    metric.share === null ? null : metricBar(metric),
    metric.chance === null
      ? null
      : make(
          "p",
          { class: "chance" },
          `chance ${metricPercent(metric.chance)}${times ? `; ${times.toFixed(1)} times chance` : ""}`,
        ),
    make("p", { class: "quiet" }, metric.explanation),
  );
}

function metricBar(metric) {
  const fill = make("span", { class: "fill" });
  fill.style.width = `${100 * metric.share}%`;
  const bar = make("div", { class: "bar", "aria-hidden": "true" }, fill);
  if (metric.chance !== null) {
    const mark = make("span", { class: "mark" });
    mark.style.left = `${100 * metric.chance}%`;
    bar.append(mark);
  }
  return bar;
}

function metricTable(metrics) {
  const row = (metric) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, metric.name),
      make("td", { class: "number" }, metric.value),
      make("td", { class: "number" }, metric.chance === null ? "" : metricPercent(metric.chance)),
      make("td", { class: "quiet" }, metric.explanation),
    );
  const head = ["metric", "value", "chance", "meaning"].map((name) => make("th", { scope: "col" }, name));
  return make(
    "details",
    {},
    make("summary", {}, `All ${metrics.length} metrics`),
    make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "All metrics" },
      make("table", { class: "metrics" }, make("thead", {}, make("tr", {}, head)), make("tbody", {}, metrics.map(row))),
    ),
  );
}

function metricsSection(metrics) {
  const main = metrics.filter((metric) => metric.main);
  return section(
    "metrics",
    "Metrics",
    make("div", { class: "cards" }, main.map(metricCard)),
    main.length === metrics.length ? null : metricTable(metrics),
  );
}
