// What questions have in common, whoever answers them: they become stale, are refused, and take a while.
class Refusal extends Error {
  constructor(problems, status) {
    super(problems.map((problem) => problem.message).join("; "));
    this.problems = problems;
    this.status = status;
  }
}

// The newest question; starting another makes it stale.
class Newest {
  start() {
    this.controller?.abort();
    this.controller = new AbortController();
    return this.controller.signal;
  }
}

function debounced(action, milliseconds) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}

// That a caption was cut stays with what is reported while it is being generated, and after that.
function report(text) {
  const note = state.shortened ? `A caption has at most ${limits.characters} characters.` : "";
  document.getElementById("status").textContent = [text, note].filter(Boolean).join(" ");
}

function showProblems(problems) {
  const list = problems.map(({ code, message, expected }) =>
    make(
      "div",
      { class: "problem" },
      make("p", { class: "message" }, message),
      expected ? make("p", { class: "quiet" }, `Expected: ${expected}.`.replace(/\.\.$/, ".")) : null,
      make("p", { class: "quiet small" }, make("code", {}, code)),
    ),
  );
  document.getElementById("problem").replaceChildren(...list);
}
