// What was spoken in this session, newest first: play and download. Text is set as text, never as markup.
const PLAY = "M8 5v14l11-7z";
const STOP = "M7 6h4v12H7zM13 6h4v12h-4z";
const SAVE = "M12 4v10m0 0 4-4m-4 4-4-4M5 19h14";
const sound = new Audio();
let playing = null;

function icon(path, stroke) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  if (stroke) line.setAttribute("class", "vf-stroke");
  svg.append(line);
  return svg;
}

function show(button, path, label) {
  button.replaceChildren(icon(path));
  button.setAttribute("aria-label", label);
}

function stop() {
  sound.pause();
  if (playing) show(playing, PLAY, "Play");
  playing = null;
}
sound.addEventListener("ended", stop);

function toggle(button, url) {
  const again = playing === button;
  stop();
  if (again) return;
  sound.src = url;
  sound.play();
  playing = button;
  show(button, STOP, "Stop");
}

function row(entry) {
  const item = document.createElement("div");
  item.className = "vf-item";
  const button = document.createElement("button");
  show(button, PLAY, "Play");
  button.addEventListener("click", () => toggle(button, entry.play));
  const words = document.createElement("div");
  const text = document.createElement("p");
  text.textContent = entry.text;
  const about = document.createElement("small");
  about.textContent = entry.about;
  words.append(text, about);
  const save = document.createElement("a");
  save.href = entry.file;
  save.download = entry.name;
  save.setAttribute("aria-label", "Download");
  save.append(icon(SAVE, true));
  item.append(button, words, save);
  return item;
}

function draw() {
  stop();
  const entries = Array.isArray(props.value) ? props.value : [];
  const title = document.createElement("h3");
  title.textContent = "Spoken in this session";
  const list = element.querySelector(".vf-history");
  if (!entries.length) {
    const hint = document.createElement("p");
    hint.className = "vf-hint";
    hint.textContent = "The last twenty are kept here until you close the page.";
    list.replaceChildren(title, hint);
  } else list.replaceChildren(title, ...entries.map(row));
}

draw();
watch("value", draw);
