// Commands to type next, at the end of the page.
function nextSection(folder, caption) {
  const quoted = `"${caption.replace(/["\\$`]/g, "\\$&")}"`;
  const commands = [
    [`attnforge sample ${folder} ${quoted} -n 8 --attention`, "images of any caption, with sheets of attention"],
    [`attnforge play ${folder}`, "a page that generates as you type"],
    [`attnforge edit ${folder} ${quoted} --swap WORD=WORD`, "the same noise with a word changed"],
    [`attnforge eval ${folder} --protocol offline`, "metrics that compare with other systems"],
  ];
  return section(
    "next",
    "What to do next",
    make("p", { class: "lead" }, "In the folder that holds the run:"),
    make(
      "dl",
      { class: "next" },
      commands.map(([command, what]) => [make("dt", {}, make("code", {}, command)), make("dd", { class: "quiet" }, what)]),
    ),
  );
}
