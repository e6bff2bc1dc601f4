// Every published voice, loaded once when the tab is opened and searched here. A voice that is not here shows the
// command that brings it. Favourites are this browser's own.
const PLAY = "M8 5v14l11-7z";
const STOP = "M7 6h10v12H7z";
const STAR = "m12 3.6 2.6 5.3 5.8.8-4.2 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8L3.6 9.7l5.8-.8z";
const KINDS = {
  "named-speaker": "Speakers", "prompt-voice": "Made from a recording", "language-default": "A language's own",
  tag: "Turns of a dialogue", variant: "Variants",
};
const FAVOURITES = "voiceforge-favourites";
const KEPT_SAMPLES = 40;

const $ = (name) => element.querySelector(name);
const [find, list, trouble] = [$(".vf-find"), $(".vf-list"), $(".vf-trouble")];
const selects = { language: $(".vf-by-language"), engine: $(".vf-by-engine"), gender: $(".vf-by-gender"), kind: $(".vf-by-kind") };
const ticks = { usable: $(".vf-by-usable"), favourite: $(".vf-by-favourite") };
const sound = new Audio();
const samples = new Map();
let rows = [];
let favourites = new Set();
let now = null;
let last = "";

try { favourites = new Set(JSON.parse(localStorage.getItem(FAVOURITES)) || []); } catch { /* none, or storage is forbidden */ }

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function complain(error) {
  trouble.textContent = error ? error.message : "";
  trouble.hidden = !error;
}

// the sound of a voice

function look(row, state) {
  row.play.replaceChildren(icon(state === "still" ? PLAY : STOP));
  row.play.classList.toggle("vf-busy", state === "asked");
  row.play.ariaLabel = state === "still" ? `Play ${row.title}` : `Stop ${row.title}`;
}

function hush() {
  sound.pause();
  now?.abort.abort();
  if (now) look(now.row, "still");
  now = null;
}
sound.addEventListener("ended", hush);

async function sample(voice, signal) {
  if (samples.has(voice.id)) return samples.get(voice.id);
  const body = JSON.stringify({ ...voice.sample.body, response_format: "mp3" });
  const answer = await asked("v1/audio/speech", { method: "POST", body, signal, headers: { "content-type": "application/json" } });
  const url = URL.createObjectURL(await answer.blob());
  samples.set(voice.id, url);
  if (samples.size > KEPT_SAMPLES) {
    const [oldest, address] = samples.entries().next().value;
    samples.delete(oldest);
    URL.revokeObjectURL(address);
  }
  return url;
}

async function play(row) {
  const again = now?.row === row;
  hush();
  complain(null);
  if (again) return;
  const mine = now = { row, abort: new AbortController() };
  look(row, "asked");
  try {
    sound.src = await sample(row.voice, mine.abort.signal);
    if (now !== mine) return;
    look(row, "heard");
    await sound.play();
  } catch (error) {
    if (now !== mine) return;
    hush();
    complain(error.name === "NotAllowedError" ? new Error("The browser does not let this page play sound.") : error);
  }
}

// one voice

function tags(voice) {
  const shown = [voice.language_name, voice.engine_title, voice.gender, voice.kind === "named-speaker" ? "" : KINDS[voice.kind], voice.grade && `grade ${voice.grade}`];
  const line = part("div", "vf-tags");
  line.append(...shown.filter(Boolean).map((text) => part("span", "", text)), part("small", "", voice.licence));
  return line;
}

function titled(voice) {
  const plain = !voice.name || voice.name.startsWith("default-") || voice.languages.some((tag) => tag.toLowerCase() === voice.name.toLowerCase());
  return plain ? [voice.description, ""] : [voice.name, voice.description];
}

function star(row) {
  const button = pressed("vf-star", "", () => {
    favourites.has(row.voice.id) ? favourites.delete(row.voice.id) : favourites.add(row.voice.id);
    try { localStorage.setItem(FAVOURITES, JSON.stringify([...favourites])); } catch { /* kept until the page closes */ }
    mark();
    order();
    sift();
  });
  const mark = () => {
    const kept = favourites.has(row.voice.id);
    button.ariaPressed = String(kept);
    button.ariaLabel = kept ? `${row.title} is a favourite` : `Make ${row.title} a favourite`;
  };
  button.append(icon(STAR));
  mark();
  return button;
}

const toTab = (id) => document.querySelector(`#vf-tabs [role=tab][data-tab-id=${id}]`)?.click();

function use(voice) {
  const button = pressed("vf-mini", "Use", () => {
    window.dispatchEvent(new CustomEvent("voiceforge-use", { detail: { id: voice.id } }));
    toTab("speak");
  });
  button.title = "Speak with this voice";
  return button;
}

// Weights of an engine that is here are fetched in Status.
function missing(voice) {
  const line = lacking(voice.why_not, voice.commands);
  if (voice.commands.length) line.prepend(part("span", "vf-why", "Not installed:"));
  if (voice.installed && !voice.commands.length) line.append(pressed("vf-mini", "Download …", () => toTab("status")));
  return line;
}

function card(voice, place) {
  const [title, about] = titled(voice);
  const row = { voice, place, title, node: part("article", voice.usable ? "vf-voice" : "vf-voice vf-absent") };
  row.words = folded([voice.id, voice.engine_title, voice.language_name, ...voice.languages, voice.gender, voice.description, voice.kind, voice.grade && `grade ${voice.grade}`, voice.licence].join(" "));
  row.node.role = "listitem";
  row.node.dataset.id = voice.id;
  row.play = pressed("vf-play", "", () => play(row));
  row.play.disabled = !voice.usable;
  look(row, "still");
  if (!voice.usable) row.play.ariaLabel = `${title} is not here`;
  const head = part("p", "vf-name");
  head.append(part("strong", "", title), part("small", "", about));
  const foot = part("p", "vf-from");
  foot.append(part("code", "", voice.id));
  const middle = part("div", "vf-body");
  middle.append(head, tags(voice), voice.usable ? foot : missing(voice));
  const acts = part("div", "vf-side");
  acts.append(star(row));
  if (voice.usable) acts.append(use(voice));
  row.node.title = `${voice.id} · ${voice.licence}`;
  row.node.append(row.play, middle, acts);
  return row;
}

// searching

function sift() {
  const words = folded(find.value).split(/\s+/).filter(Boolean);
  const { language, engine, gender, kind } = Object.fromEntries(Object.entries(selects).map(([name, select]) => [name, select.value]));
  let shown = 0;
  for (const row of rows) {
    const voice = row.voice;
    const fits = (!language || voice.speaks.includes(language)) && (!engine || voice.engine === engine)
      && (!gender || (voice.gender || "unspecified") === gender) && (!kind || voice.kind === kind)
      && (!ticks.usable.checked || voice.usable) && (!ticks.favourite.checked || favourites.has(voice.id))
      && words.every((word) => row.words.includes(word));
    if (row.node.hidden === fits) row.node.hidden = !fits;
    shown += fits;
  }
  $(".vf-shown").textContent = shown ? `${shown.toLocaleString()} of ${rows.length.toLocaleString()} shown` : "No voice is like that.";
  $(".vf-all").hidden = shown === rows.length;
}

function order() {
  const rank = (row) => (favourites.has(row.voice.id) ? 0 : 1);
  const sorted = [...rows].sort((one, other) => rank(one) - rank(other) || one.place - other.place);
  const focus = document.activeElement;
  list.append(...sorted.map((row) => row.node));
  if (list.contains(focus)) focus.focus({ preventScroll: true });
}

function offer(select, every, pairs) {
  const kept = select.value;
  const option = (value, label) => Object.assign(part("option", "", label), { value });
  select.replaceChildren(option("", every), ...pairs.map(([value, label]) => option(value, label)));
  if (pairs.some(([value]) => value === kept)) select.value = kept;
}

// [value, label with how many there are], by label
function counted(values, label) {
  const count = new Map();
  for (const value of values) count.set(value, (count.get(value) || 0) + 1);
  return [...count].map(([value, many]) => [value, `${label(value)} (${many})`]).sort((a, b) => a[1].localeCompare(b[1]));
}

function offers(voices) {
  const names = new Map();
  for (const voice of voices) names.set(voice.speaks[0], voice.language_name);
  const engines = new Map(voices.map((voice) => [voice.engine, voice.engine_title]));
  offer(selects.language, "Every language", counted(voices.flatMap((voice) => voice.speaks), (code) => names.get(code) || code));
  offer(selects.engine, "Every engine", counted(voices.map((voice) => voice.engine), (name) => engines.get(name)));
  offer(selects.gender, "Every gender", counted(voices.map((voice) => voice.gender || "unspecified"), (name) => name));
  offer(selects.kind, "Every kind", counted(voices.map((voice) => voice.kind), (name) => KINDS[name] || name));
}

async function load() {
  let text;
  try {
    text = await (await asked("v1/audio/catalogue?limit=1000")).text();
    complain(null);
  } catch (error) {
    [rows, last] = [[], ""];
    list.replaceChildren();
    $(".vf-shown").textContent = "";
    $(".vf-counts").textContent = error.status === 401 ? "Sign in to see the voices." : "The voices cannot be shown.";
    return complain(error.status === 401 ? null : error);
  }
  if (text === last) return;
  last = text;
  hush();
  const { counts, usable, data } = JSON.parse(text);
  $(".vf-counts").textContent = `${counts.voices} published voices in ${counts.languages} languages, and those that come with the engines here; ${usable} can be used here.`;
  offers(data);
  rows = data.map(card);
  list.replaceChildren();
  order();
  sift();
}

find.addEventListener("input", sift);
for (const control of [...Object.values(selects), ...Object.values(ticks)]) control.addEventListener("change", sift);
$(".vf-all").addEventListener("click", () => {
  find.value = "";
  for (const select of Object.values(selects)) select.value = "";
  for (const tick of Object.values(ticks)) tick.checked = false;
  sift();
});
window.addEventListener("voiceforge-voices", load);
