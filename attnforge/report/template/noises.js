// The fixed captions with other noise, beside the real image of each and the nearest training image.
function noisesSection({ rows, within, between, training_images: trained }) {
  const real = rows.some((row) => row.real);
  const near = rows.some((row) => row.nearest);
  const noises = rows[0].images.map((_, number) => `noise ${number}`);
  const titles = ["caption", ...(real ? ["real"] : []), ...noises, ...(near ? ["nearest training image"] : [])];
  const cell = (uri, title, caption) =>
    make("td", { "data-step": title }, uri ? make("img", { src: uri, alt: `${title}: ${caption}` }) : null);
  const body = rows.map(({ caption, real: image, images, nearest }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, caption),
      real ? cell(image, "real", caption) : null,
      images.map((uri, number) => cell(uri, noises[number], caption)),
      near ? cell(nearest, "nearest training image", caption) : null,
    ),
  );
  return section(
    "noises",
    "Other noise",
    make(
      "p",
      { class: "lead" },
      `Two images of one caption differ by ${short(within)} of 255 grey levels on average`,
      between === null ? "" : `, images of two captions by ${short(between)}`,
      ". A generator that ignores its noise makes one image of a caption. ",
      real ? "The real image is that of the test split from which the caption is. " : "",
      near
        ? `The nearest training image is that whose coarse colours are closest to the image with noise 0, of ${trained.toLocaleString("en")}: the same image in both would be a copy.`
        : "",
    ),
    make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Captions with other noise" },
      make(
        "table",
        { class: "history" },
        make("thead", {}, make("tr", {}, titles.map((title) => make("th", { scope: "col" }, title)))),
        make("tbody", {}, body),
      ),
    ),
  );
}
