// The words that stand out at every stage, as in the figures of the AttnGAN paper.
const TILE = 160;

function strongestSection(samples) {
  return section(
    "strongest",
    "Words that stand out",
    make(
      "p",
      { class: "lead" },
      "As in the figures of the AttnGAN paper: every pixel drops the words with no more than a uniform share of ",
      "its attention (Eq. 15), and the rest of a word is brightest where it is most. Words come in the order of ",
      "their contrast, the share of the stage's attention that would have to move to spread the word evenly, so ",
      "that words which every pixel attends to alike come last. A label has the word's position in the caption, ",
      "the word, and its contrast. ",
      samples.some((sample) => sample.regions)
        ? "The last row shows where the run's own matching finds words in the final image (Eq. 9), with the part of a word's weight above a uniform spread."
        : "",
    ),
    samples.map((sample, number) => strongestCard(sample, number === 0)),
  );
}

function strongestCard(sample, open) {
  const rows = viewsOf(sample).filter((candidate) => candidate.maps);
  const figures = make("div", {});
  const card = make("details", { class: "card strongest" }, make("summary", {}, sample.caption), figures);
  const fill = () => {
    if (!figures.childElementCount) figures.append(...rows.map((row) => strongestRow(row, sample.words)));
  };
  card.addEventListener("toggle", () => card.open && fill());
  card.open = open;
  return card;
}

function strongestRow({ maps, image, name, side, title }, words) {
  const tiles = maps.top.map((word) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const img = make("img", { src: image, alt: `${words[word]}, ${name}`, width: side, height: side });
    const label = make("figcaption", {}, `${word}:${words[word]} `, make("span", { class: "number quiet" }, percent(maps.contrast[word])));
    return { word, canvas, element: make("figure", { class: "tile" }, make("div", { class: "frame" }, img, canvas), label) };
  });
  if (maps.sprite) {
    whenLoaded(maps, () => {
      const large = tiles.map(({ word }) => enlarge(weightsOf(maps, word, true), maps.width, maps.height, TILE));
      const brightest = Math.max(maps.uniform, ...large.map(highest));
      tiles.forEach(({ canvas }, place) => {
        paint(canvas, large[place], TILE, TILE, brightest, "light");
        canvas.classList.add("shown");
      });
    });
  }
  return make("div", {}, make("h4", {}, title), make("div", { class: "tiles" }, tiles.map((tile) => tile.element)));
}
