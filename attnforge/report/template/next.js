// Commands to type next, at the end of the page.
function nextSection(steps) {
  return section(
    "next",
    "What to do next",
    make("p", { class: "lead" }, "In the folder that holds the run:"),
    make(
      "dl",
      { class: "next" },
      steps.map(({ command, purpose }) => [
        make("dt", {}, make("code", {}, command)),
        make("dd", { class: "quiet" }, purpose),
      ]),
    ),
  );
}
