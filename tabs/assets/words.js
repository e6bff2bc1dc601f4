// A page of the caller's pronunciations. Deleting asks once more on the same button.
const SURE_MS = 4000;
const EXAMPLES = [
  { written: "nginx", spoken: "engine ex", why: "a name nobody reads right" },
  { written: "Dr. Nguyen", spoken: "Doctor Win", why: "a phrase, and a name from another language" },
];

function sure(label, question, act) {
  let armed = 0;
  const button = pressed("vf-act", label, () => {
    if (armed) { clearTimeout(armed); disarm(); act(); return; }
    button.textContent = question;
    button.classList.add("vf-armed");
    armed = setTimeout(disarm, SURE_MS);
  });
  function disarm() { armed = 0; button.textContent = label; button.classList.remove("vf-armed"); }
  return button;
}

function words(name, text) {
  const node = part("span", name, text);
  node.dir = "auto";
  return node;
}

function toForm() {
  document.querySelector("#word-written")?.scrollIntoView({ block: "center", behavior: "smooth" });
}

function row(entry) {
  const item = part("li", "vf-word-row");
  const said = part("div", "vf-word-said");
  const arrow = part("i", "", "→");
  arrow.setAttribute("aria-label", "is spoken");
  said.append(words("vf-word-written", entry.written), arrow, words("", entry.spoken || entry.ipa));
  const tags = [entry.spoken && entry.ipa ? `/${entry.ipa}/` : "", entry.language, entry.case_sensitive ? "capitals matter" : ""];
  said.append(...tags.filter(Boolean).map((tag) => part("small", "vf-scope", tag)));
  const acts = part("div", "vf-acts");
  acts.append(
    pressed("vf-act", "Edit", () => { trigger("pick", { id: entry.id }); toForm(); }),
    sure("Delete", "Sure?", () => trigger("drop", { id: entry.id })),
  );
  item.append(said, acts);
  return item;
}

function emptied(state) {
  const box = part("div", "vf-empty vf-words-empty");
  if (state.search) {
    box.append(part("strong", "", "Nothing begins like that"), part("span", "", "The search looks at the beginning of what is written."));
    return box;
  }
  box.append(
    part("strong", "", "No pronunciations yet"),
    part("span", "", "Say once how a name or an abbreviation is spoken, and every voice says it so, here and over the API. For example:"),
  );
  for (const example of EXAMPLES) {
    const line = pressed("vf-word-example", "", () => { trigger("fill", example); toForm(); });
    line.append(part("b", "", example.written), part("i", "", "→"), part("b", "", example.spoken), part("small", "", example.why));
    box.append(line);
  }
  return box;
}

async function saved(event, form) {
  const button = event.currentTarget;
  try {
    const answer = await asked(`v1/pronunciations/export?format=${form}`);
    const link = part("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `pronunciations.${form}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } catch (error) {
    button.textContent = error.message;
  }
}

function foot(state) {
  const bar = part("div", "vf-acts vf-words-foot");
  const last = state.offset + state.rows.length;
  bar.append(part("small", "", `${state.rows.length ? state.offset + 1 : 0}–${last} of ${state.total.toLocaleString()}`));
  if (state.offset > 0) bar.append(pressed("vf-act", "Previous", () => trigger("turn", { offset: state.offset - state.page })));
  if (last < state.total) bar.append(pressed("vf-act", "Next", () => trigger("turn", { offset: last })));
  if (!state.search) {
    bar.append(
      pressed("vf-act", "Export CSV", (event) => saved(event, "csv")),
      pressed("vf-act", "Export JSON", (event) => saved(event, "json")),
      sure("Delete all", `Delete all ${state.total.toLocaleString()}: are you sure?`, () => trigger("wipe", {})),
    );
  }
  return bar;
}

function draw() {
  const state = props.value && typeof props.value === "object" ? props.value : {};
  const box = element.querySelector(".vf-words");
  if (state.closed) {
    const note = part("div", "vf-empty");
    note.append(part("strong", "", "Pronunciations are private"), part("span", "", state.closed));
    box.replaceChildren(note);
  } else if (!Array.isArray(state.rows)) {
    box.replaceChildren();
  } else if (!state.total) {
    box.replaceChildren(emptied(state));
  } else {
    const list = part("ul", "vf-words-list");
    list.append(...state.rows.map(row));
    box.replaceChildren(list, foot(state));
  }
}

draw();
watch("value", draw);
