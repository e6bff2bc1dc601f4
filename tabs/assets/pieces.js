// What the scripts of several tabs begin with. Text is set as text, never as markup.
const API = document.baseURI.split(/[?#]/)[0].replace(/[^/]*$/, "");

function part(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined && text !== "") node.textContent = text;
  return node;
}

function pressed(name, text, act) {
  const button = part("button", name, text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

// A request to this app's own HTTP API as the person who is signed in. Throws an Error with a sentence for him.
async function asked(path, options) {
  const token = window.voiceforge?.token;
  const headers = { ...options?.headers, ...(token ? { "x-api-key": token } : {}) };
  let answer;
  try {
    answer = await fetch(API + path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The app does not answer.");
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => null);
  const problem = new Error(body?.error?.message || `The app answered ${answer.status}.`);
  problem.status = answer.status;
  throw problem;
}

async function copied(button, text, otherwise) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(otherwise);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}

// A sentence that says why something is not here, with its commands ready to be copied.
function lacking(why, commands) {
  const line = part("div", "vf-lack");
  line.title = why;
  if (!commands.length) {
    line.append(part("span", "", why));
    return line;
  }
  const code = part("code", "", commands.join(" && "));
  line.append(code, pressed("vf-mini", "Copy", (event) => copied(event.currentTarget, commands.join("\n"), code)));
  return line;
}
