// Questions to the server; an answer that a newer question has made stale is never shown.
const LINK_COPIED = "The link is copied; it has no token, so others open the page's address first.";
const UNREACHABLE = {
  code: "no-answer",
  message: "The server does not answer.",
  expected: "`attnforge play` to be running; start it again, then type or choose anything here.",
};

async function ask(path, question, signal) {
  const options = { signal };
  if (question !== undefined) {
    Object.assign(options, { method: "POST", body: JSON.stringify(question), headers: { "content-type": "application/json" } });
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal([UNREACHABLE], 0);
  }
  if (answer.ok) return answer;
  const refusal = await answer.json().catch(() => ({ problems: [{ code: String(answer.status), message: "The server is overloaded." }] }));
  throw new Refusal(refusal.problems, answer.status);
}

// Calls back with each line of an answer as soon as it is there.
async function askLines(path, question, signal, received) {
  const answer = await askPatiently(path, question, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const result = JSON.parse(line);
      if (signal.aborted) return;
      if (result.problems) throw new Refusal(result.problems, 500);
      received(result);
    }
    if (done) return;
  }
}

// A full queue is no error: the question is asked again, until it is stale.
async function askPatiently(path, question, signal) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(path, question, signal);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 429 || attempt === 5) throw error;
      report("The server is busy; waiting for a turn.");
      await new Promise((resume) => setTimeout(resume, 500 * attempt));
      if (signal.aborted) throw error;
    }
  }
}
