// The keys there are. Rotating and revoking ask once more on the same button. Text is set as text.
const SURE_MS = 4000;

function day(seconds, otherwise) {
  return seconds ? new Date(seconds * 1000).toLocaleDateString(undefined, { dateStyle: "medium" }) : otherwise;
}

function part(tag, name, text) {
  const node = document.createElement(tag);
  node.className = name;
  node.textContent = text;
  return node;
}

function act(label, sure, act) {
  const button = part("button", "vf-act", label);
  let armed = 0;
  button.addEventListener("click", () => {
    if (armed) { clearTimeout(armed); armed = 0; button.textContent = label; act(); return; }
    button.textContent = sure;
    button.classList.add("vf-armed");
    armed = setTimeout(() => { armed = 0; button.textContent = label; button.classList.remove("vf-armed"); }, SURE_MS);
  });
  return button;
}

function card(key) {
  const item = part("div", `vf-key ${key.state}`, "");
  const head = part("div", "vf-key-head", "");
  head.append(part("strong", "", key.name || "Unnamed"), part("code", "", key.hint), part("span", `vf-state ${key.state}`, key.state));
  const about = part("small", "", `Created ${day(key.created)} · last used ${day(key.used, "never")} · expires ${day(key.expires, "never")}`);
  const scopes = part("div", "vf-scopes", "");
  scopes.append(...key.scopes.map((scope) => part("span", "vf-scope", scope)));
  item.append(head, scopes, about);
  if (key.state === "active") {
    const acts = part("div", "vf-acts", "");
    acts.append(
      act("Rotate", "Rotate: are you sure?", () => trigger("rotate", { id: key.id })),
      act("Revoke", "Revoke: are you sure?", () => trigger("revoke", { id: key.id })),
    );
    item.append(acts);
  }
  return item;
}

function draw() {
  const keys = Array.isArray(props.value) ? props.value : [];
  element.querySelector(".vf-keys").replaceChildren(...keys.map(card));
}

draw();
watch("value", draw);
