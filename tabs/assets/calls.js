// Calls to paste, with this page's own address. A key that was just made is put in by the page that shows it.
const body = element.querySelector(".vf-calls");
const names = Object.keys(props.snippets);
let current = names[0];

function filled(text) {
  const fresh = document.querySelector("#keys-secret textarea, #keys-secret input")?.value;
  const key = fresh || (props.keyed ? "YOUR_API_KEY" : "not-needed-here");
  return text.replaceAll("{base}", location.origin).replaceAll("{key}", key);
}

function tab(name) {
  const button = document.createElement("button");
  button.textContent = name;
  button.className = name === current ? "vf-on" : "";
  button.addEventListener("click", () => { current = name; draw(); });
  return button;
}

async function copy(button) {
  const text = filled(props.snippets[current]);
  try { await navigator.clipboard.writeText(text); } catch {
    const range = document.createRange();
    range.selectNodeContents(body.querySelector("code"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    button.textContent = "Selected: press Ctrl+C";
    return;
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

function draw() {
  const title = document.createElement("h3");
  title.textContent = "Call it from a program";
  const row = document.createElement("div");
  row.className = "vf-switch";
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.className = "vf-copy";
  button.addEventListener("click", () => copy(button));
  row.append(...names.map(tab), button);
  const code = document.createElement("code");
  code.textContent = filled(props.snippets[current]);
  const pre = document.createElement("pre");
  pre.append(code);
  body.replaceChildren(title, row, pre);
}

draw();
watch("value", draw);
