// Answers the questions of the page here, with a worker that generates, as the server of `attnforge play` does.
const LINK_COPIED = "The link is copied; it opens this file with the same caption and noises.";
const PAGE = JSON.parse(document.getElementById("data").textContent);
const tokenize = makeTokenizer(PAGE.tokenizer);

const worker = startWorker();
const waiting = new Map();
let asked = 0;

function startWorker() {
  const source = new Blob([document.getElementById("engine").textContent], { type: "text/javascript" });
  const started = new Worker(URL.createObjectURL(source));
  const { run, limits, tokenizer, check, ...page } = PAGE;
  started.postMessage({ begin: { page, weights: document.getElementById("weights").textContent } });
  started.onmessage = ({ data }) => waiting.get(data.number)?.(data);
  started.onerror = (event) => waiting.forEach((received) => received({ error: event.message || "the worker has stopped" }));
  return started;
}

// Calls back with each image of a question, in order.
function generated(question, signal, received) {
  const number = ++asked;
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      waiting.delete(number);
      settle(value);
    };
    signal?.addEventListener("abort", () => {
      worker.postMessage({ stop: number });
      end(resolve);
    });
    waiting.set(number, (result) => {
      if (result.error) end(reject, failure(result.error));
      else if (result.done) end(resolve);
      else received(result);
    });
    worker.postMessage({ number, ...question });
  });
}

function failure(error) {
  return refused("generation-failed", `The page cannot generate: ${error}.`, "a browser of 2023 or newer, with enough memory");
}

function refused(code, message, expected) {
  return new Refusal([{ code, message, expected }], 422);
}

const ANSWERS = {
  "api/runs": () => ({ runs: [PAGE.run], limits: PAGE.limits }),
  "api/words": ({ caption }) => readCaption(caption),
};

async function ask(path, question) {
  return { json: async () => ANSWERS[path](question) };
}

async function askLines(path, question, signal, received) {
  await (path === "api/walk" ? askForWalk : askForImages)(question, signal, received);
  if (!signal.aborted) checkOnce();
}

async function askForImages({ caption, swaps, noises, sampling }, signal, received) {
  const captions = swappedCaptions(caption, swaps);
  const prompts = captions.map(idsOf);
  const images = prompts.flatMap((_, row) => noises.map((seed) => ({ prompts: [row, row], seeds: [seed, seed], share: 0, sampling })));
  await generated({ prompts, images }, signal, (result) => {
    const [row, column] = [Math.floor(result.place / noises.length), result.place % noises.length];
    const words = tokensOf(captions[row]);
    received({ row, column, sample: sampleOf(result, { caption: captions[row], words, seed: noises[column] }) });
  });
}

async function askForWalk({ captions: [first, last], noises, steps, sampling }, signal, received) {
  const prompts = [first, last].map(idsOf);
  const shares = Array.from({ length: steps }, (_, step) => step / (steps - 1));
  const images = shares.map((share) => ({ prompts: [0, 1], seeds: noises, share, sampling }));
  await generated({ prompts, images }, signal, (result) => {
    const share = shares[result.place];
    const between = first === last || share === 0 ? first : `${first} → ${last}, ${Math.round(100 * share)}%`;
    const caption = share === 1 ? last : between;
    const words = wordsBetween(tokensOf(first), tokensOf(last), share);
    received({ column: result.place, sample: sampleOf(result, { caption, words, seed: noises[share < 0.5 ? 0 : 1] }) });
  });
}

function wordsBetween(first, last, share) {
  if (share === 0 || share === 1) return share ? last : first;
  const length = Math.max(first.length, last.length);
  const at = (words, place) => words[Math.floor((place * words.length) / length)];
  return Array.from({ length }, (_, place) => {
    const [old, other] = [at(first, place), at(last, place)];
    return old === other ? old : `${old}→${other}`;
  });
}
