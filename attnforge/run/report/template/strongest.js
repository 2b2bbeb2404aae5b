// The strongest words of every stage, as in the figures of the AttnGAN paper.
const TILE = 160;

function strongestSection(drawings) {
  return section(
    "strongest",
    "The strongest words",
    make(
      "p",
      { class: "lead" },
      "As in the figures of the AttnGAN paper: every pixel drops the words that it gives no more than an even ",
      "share of its attention (Eq. 15), and the words with most of the rest are shown, brightest where they have ",
      "most. Before a word stands its place in the caption, behind it that rest as a share of the stage's attention. ",
      drawings.some((drawing) => drawing.regions)
        ? "The last row shows where the run's own matching finds words in the finished image (Eq. 9), with the part of a word's weight that stands out of an even spread."
        : "",
    ),
    drawings.map((drawing, number) => strongestCard(drawing, number === 0)),
  );
}

function strongestCard(drawing, open) {
  const rows = viewsOf(drawing).filter((one) => one.maps);
  const figures = make("div", {});
  const card = make("details", { class: "card strongest" }, make("summary", {}, drawing.caption), figures);
  const fill = () => {
    if (!figures.childElementCount) figures.append(...rows.map((one) => strongestRow(one, drawing.words)));
  };
  card.addEventListener("toggle", () => card.open && fill());
  card.open = open;
  return card;
}

function strongestRow(one, words) {
  const { maps, image } = one;
  const tiles = maps.top.map((word) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const image = make("img", { src: image, alt: `${words[word]}, ${one.name}`, width: one.side, height: one.side });
    const label = make("figcaption", {}, `${word}:${words[word]} `, make("span", { class: "number quiet" }, percent(maps.mass[word])));
    return { word, canvas, element: make("figure", { class: "tile" }, make("div", { class: "frame" }, image, canvas), label) };
  });
  if (maps.sprite) {
    whenLoaded(maps, () => {
      const large = tiles.map(({ word }) => enlarge(weightsOf(maps, word, true), maps.width, maps.height, TILE));
      const brightest = Math.max(maps.even, ...large.map(highest));
      tiles.forEach(({ canvas }, place) => {
        paint(canvas, large[place], TILE, TILE, brightest, "light");
        canvas.classList.add("shown");
      });
    });
  }
  return make("div", {}, make("h4", {}, one.title), make("div", { class: "tiles" }, tiles.map((tile) => tile.element)));
}
