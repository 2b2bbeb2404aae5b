// Measured figures: the main ones as cards with a bar and the mark of chance, the rest as a table.
function figureCard(figure) {
  const times = figure.chance > 0 ? figure.share / figure.chance : null;
  return make(
    "div",
    { class: "card figure" },
    make("h3", {}, figure.name),
    make("p", { class: "value" }, figure.value),
    figure.share === null ? null : figureBar(figure),
    figure.chance === null
      ? null
      : make(
          "p",
          { class: "chance" },
          `chance ${percent(figure.chance)}${times ? `; ${times.toFixed(1)} times chance` : ""}`,
        ),
    make("p", { class: "quiet" }, figure.explanation),
  );
}

function figureBar(figure) {
  const fill = make("span", { class: "fill" });
  fill.style.width = `${100 * figure.share}%`;
  const bar = make("div", { class: "bar", "aria-hidden": "true" }, fill);
  if (figure.chance !== null) {
    const mark = make("span", { class: "mark" });
    mark.style.left = `${100 * figure.chance}%`;
    bar.append(mark);
  }
  return bar;
}

function figureTable(figures) {
  const row = (figure) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, figure.name),
      make("td", { class: "number" }, figure.value),
      make("td", { class: "number" }, figure.chance === null ? "" : percent(figure.chance)),
      make("td", { class: "quiet" }, figure.explanation),
    );
  const head = ["figure", "value", "chance", "meaning"].map((name) => make("th", { scope: "col" }, name));
  return make(
    "details",
    {},
    make("summary", {}, `All ${figures.length} figures`),
    make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "All measured figures" },
      make("table", { class: "figures" }, make("thead", {}, make("tr", {}, head)), make("tbody", {}, figures.map(row))),
    ),
  );
}

function figuresSection(figures) {
  const main = figures.filter((figure) => figure.main);
  return section(
    "figures",
    "Measured figures",
    make("div", { class: "cards" }, main.map(figureCard)),
    main.length === figures.length ? null : figureTable(figures),
  );
}
