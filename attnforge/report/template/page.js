// Assembles the page; sections without content are omitted and listed in the notes.
const data = JSON.parse(document.getElementById("data").textContent);

function pageHead() {
  const facts = [
    ["run", data.folder],
    ["recipe digest", data.digest.slice(0, 16)],
    ["training", duration(data.phases.reduce((sum, phase) => sum + (phase.seconds || 0), 0))],
    ["report written", data.written],
  ].filter(([, value]) => value && value !== "0 s");
  return [
    make("p", { class: "kicker" }, "attnforge report"),
    make("h1", {}, data.name),
    data.summary ? make("p", { class: "lead" }, data.summary) : null,
    make("dl", { class: "facts" }, facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
  ];
}

function pageSections() {
  const sections = [];
  if (data.metrics.length) sections.push(metricsSection(data.metrics));
  if (data.samples.length) sections.push(attentionSection(data.samples));
  const attending = data.samples.filter((sample) => viewsOf(sample).some((candidate) => candidate.maps));
  if (attending.length) sections.push(strongestSection(attending));
  if (data.noises) sections.push(noisesSection(data.noises));
  if (data.history.length) sections.push(historySection(data.history));
  if (data.phases.some((phase) => phase.charts.length)) sections.push(curvesSection(data.phases));
  data.sections.forEach((extra, index) => {
    const body = make("div", { class: "card extra" });
    // A plugin's fragment comes from installed code; the page's policy still blocks its scripts.
    body.innerHTML = extra.html;
    sections.push(section(`extra-${index}`, extra.title, body));
  });
  if (data.recipe) {
    const text = make("pre", { class: "scroll", tabindex: "0" }, data.recipe);
    sections.push(section("recipe", "Recipe", make("details", {}, make("summary", {}, "The frozen recipe"), text)));
  }
  if (data.next.length) sections.push(nextSection(data.next));
  if (data.notes.length) {
    sections.push(section("notes", "Missing or damaged", make("ul", {}, data.notes.map((note) => make("li", {}, note)))));
  }
  return sections;
}

function pageLinks(sections) {
  return make(
    "nav",
    { "aria-label": "Sections" },
    sections.map((part) => make("a", { href: `#${part.id}` }, part.querySelector("h2").textContent)),
  );
}

const parts = pageSections();
document.getElementById("head").append(...pageHead().filter((part) => part), pageLinks(parts));
document.getElementById("main").append(...parts);
