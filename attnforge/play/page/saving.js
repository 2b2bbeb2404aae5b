// Files to keep: an image, the images on the page, a walk.
const GAP = 8;
const SMALLEST_SAVED = 128;

function saveAs(name, blob) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

const fileName = (text, ending) => `${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60).replace(/^-|-$/g, "") || "image"}${ending}`;

function saveImage(sample) {
  saveAs(fileName(sample.caption, `-noise${sample.seed}.png`), blobOf(finalStage(sample).image));
}

// The bytes of a data address; the page's policy allows no request for it.
function blobOf(source) {
  const bytes = Uint8Array.from(atob(source.slice(source.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

// All images of the page on one sheet: a row for each caption, or for each model.
async function saveSheet() {
  const samples = tiles.filter((tile) => tile.sample);
  if (!samples.length) return;
  const columns = Math.min(state.mode === "swap" ? swapNoises().length : 4, samples.length);
  const side = Math.max(SMALLEST_SAVED, ...samples.map((tile) => finalStage(tile.sample).side));
  const rows = Math.ceil(samples.length / columns);
  const canvas = make("canvas", { width: columns * (side + GAP) + GAP, height: rows * (side + GAP) + GAP });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  for (const [number, tile] of samples.entries()) {
    const image = Object.assign(new Image(), { src: finalStage(tile.sample).image });
    await image.decode();
    pen.imageSmoothingEnabled = side % image.naturalWidth !== 0;
    pen.drawImage(image, GAP + (number % columns) * (side + GAP), GAP + Math.floor(number / columns) * (side + GAP), side, side);
  }
  canvas.toBlob((blob) => saveAs(fileName(state.caption, ".png"), blob), "image/png");
}

async function saveWalk() {
  report("Making the GIF…");
  try {
    for (const model of state.models.keys()) {
      const answer = await ask("api/walk.gif", walkQuestion(model));
      saveAs(fileName(`${runs[state.models[model].run].name} ${state.caption}`, ".gif"), await answer.blob());
    }
    report("The GIF is saved.");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    showProblems(error.problems);
    report("");
  }
}

async function copyLink() {
  writeAddress();
  try {
    await navigator.clipboard.writeText(location.href);
    report(LINK_COPIED);
  } catch {
    report("The browser does not allow copying; the link is in its address bar.");
  }
}
