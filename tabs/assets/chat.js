// The Voice chat tab: the microphone, the loudspeaker, the socket and what is seen of them, tied together.
const PLAYED_MS = 190;
const TAIL_MS = 150;
const MANNER = "voiceforge-chat";
const STARTERS = ["What can you do?", "Tell me a short story about a forge.", "Ask me three questions to get to know me."];
const $ = (selector) => element.querySelector(selector);
const root = $(".vf-chat");
const talk = $(".vf-talk");
const written = $(".vf-write textarea");
const trouble = $(".vf-chat-trouble");
const picks = Object.fromEntries([...element.querySelectorAll("[data-pick]")].map((node) => [node.dataset.pick, node]));
const lines = linesOf($(".vf-lines"), $(".vf-chat-empty"));
const ear = earOf((item, characters) => lines.heard(item, characters));
const now = { on: false, muted: false, held: false, hearing: false, thinking: false, paused: false, playing: false, lost: false };
let session = null;
let response = null;
let arrived = 0;
let told = 0;
let first = null;
let turns = 0;

// what is seen

const MOODS = {
  off: ["Ready when you are", "Press Talk, or write a message."],
  opening: ["Connecting …", ""],
  again: ["Reconnecting …", "The line dropped. Nothing is lost; this goes on where it was."],
  paused: ["Paused", "Go on if you want to say something; a mere “mm-hmm” lets it continue."],
  speaking: ["Speaking", "Interrupt whenever you like."],
  hearing: ["Listening", "I hear you."],
  thinking: ["Thinking", ""],
  muted: ["Muted", "Nothing you say is sent."],
  hold: ["Your turn", "Hold the button or the space bar while you speak."],
  listening: ["Listening", "Say something."],
  writing: ["Here", "Write a message, or press Talk."],
};

const manual = () => $("[name=vf-turns][value=manual]").checked;

function mode() {
  if (wire.state === "again" || (wire.state === "opening" && !now.on)) return wire.state;
  if (now.on && wire.state === "opening") return "opening";
  if (wire.state === "closed") return "off";
  if (now.paused) return "paused";
  if (now.playing || (response && first)) return "speaking";
  if (now.hearing || now.held) return "hearing";
  if (now.thinking) return "thinking";
  if (!now.on) return "writing";
  if (manual()) return "hold";
  return now.muted ? "muted" : "listening";
}

function show() {
  const mood = mode();
  const [name, hint] = MOODS[mood];
  const touch = matchMedia("(pointer: coarse)").matches;
  root.dataset.mode = mood;
  if ($(".vf-mood strong").textContent !== name) $(".vf-mood strong").textContent = name;
  $(".vf-mood span").textContent = mood === "hold" && touch ? "Hold the button while you speak." : mood === "speaking" && !now.on ? "" : hint;
  talk.dataset.does = !now.on ? "Talk" : manual() ? (now.held ? "Release" : "Hold") : "Stop";
  talk.querySelector("span").textContent = talk.dataset.does;
  talk.ariaPressed = String(now.on);
  $(".vf-mute").hidden = !now.on || manual();
  $(".vf-mute").textContent = now.muted ? "Unmute" : "Mute";
  $(".vf-mute").ariaPressed = String(now.muted);
  $(".vf-hush").hidden = !["speaking", "paused"].includes(mood);
  $(".vf-leave").hidden = wire.state === "closed" || (now.on && !manual());
  $(".vf-anew").hidden = !session;
  if (wire.state !== "open") $(".vf-road").textContent = "";
  level(0);
}

function level(value) {
  talk.style.setProperty("--level", Math.min(1, Math.sqrt(value) * 1.6).toFixed(2));
}

function complain(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

// what is heard and played

const sound = soundOf({
  frame({ frame, level: loud }) {
    wire.frame(frame);
    if (!now.playing) level(now.muted ? 0 : loud);
  },
  report({ why, position, level: loud, playing }) {
    if (playing) level(loud);
    if (playing !== now.playing && why !== "drop") {
      now.playing = playing;
      show();
    }
    if (playing && first && first.heard === null && position > first.position) {
      first.heard = (performance.now() - first.at) / 1000 - (position - first.position) / SPOKEN_RATE + sound.latency;
    }
    ear.played(position, lines.text);
    const at = performance.now();
    if (!why && (!playing || at - told < PLAYED_MS)) return;
    told = at;
    wire.send({ type: "played", position });
  },
});

function audio(buffer) {
  if (!first && response) first = { at: performance.now(), position: arrived, heard: null };
  now.thinking = false;
  arrived += buffer.byteLength / 2;
  sound.play(buffer);
}

// what the house says

const said = {
  ready(message) {
    session = { session: message.session, token: message.token };
    if (!message.resumed) {
      sound.tell({ drop: true });
      ear.clear();
      if (message.history?.length) lines.clear();
      message.history?.forEach((item) => lines.item(item));
      if (now.lost) lines.note("The earlier conversation is not known here any more. This is a new one.");
    }
    now.lost = false;
    said.audio(message);
    models(message.models);
  },
  speech_started() { now.hearing = true; },
  speech_stopped() {},
  turn_ended({ reason }) {
    now.hearing = false;
    now.thinking = reason !== "backchannel";
  },
  transcript({ item, text, sure, final }) { lines.hears(item, text, sure, final); },
  item({ item }) { lines.item(item); },
  item_deleted({ id }) {
    lines.drops(id);
    now.hearing = now.thinking = false;
  },
  response_started(message) {
    response = message.response;
    first = null;
    now.thinking = true;
    lines.answers(message.item);
  },
  text({ item, delta }) { lines.adds(item, delta); },
  speaking(message) {
    lines.spoken(message.item);
    ear.speaking(message);
  },
  audio({ position }) {
    arrived = position;
    sound.tell({ at: position });
  },
  audio_done({ position }) { ear.until(position); },
  pause() {
    now.paused = true;
    sound.tell({ hold: true });
  },
  resume() {
    now.paused = now.hearing = false;
    sound.tell({ go: true });
  },
  interrupted({ item, heard }) {
    now.paused = now.thinking = now.playing = false;
    sound.tell({ drop: true });
    ear.clear();
    lines.interrupted(item, heard);
  },
  backchannel() { now.hearing = false; },
  tool_call({ name, arguments: given }) { lines.note(`Asked for ${name}(${typeof given === "string" ? given : JSON.stringify(given)})`, "tool"); },
  transfer({ to }) { lines.note(`Wants to hand over to ${to}`, "tool"); },
  digits({ digits }) { lines.note(`Pressed ${digits}`, "tool"); },
  response_done({ status, item, turn }) {
    if (status === "failed" && !item) lines.drops(turn.item);
    if (item) lines.item(item);
    now.thinking = false;
    const mine = first;
    response = first = null;
    ear.until(arrived);
    if (status === "failed") return;
    // A short answer has left before its first sample is audible.
    if (mine?.heard === null && status === "completed") setTimeout(measured, 600, turn, mine);
    else measured(turn, mine);
  },
  error({ message, fatal }) {
    if (!fatal) lines.note(message, "bad");
    now.thinking = false;
  },
  ended({ reason }) { if (reason && !["closed", "ended", "ended by the client"].includes(reason)) lines.note(`The conversation has ended: ${reason}`); },
};

// `first_heard` is the page's own: when the answer's first sample was audible, on the house's clock. Half of the way of
// a message lies before what the house heard, and half behind what it sent.
function measured(turn, mine) {
  if (typeof mine?.heard === "number" && turn.first_frame !== null) turn.first_heard = turn.first_frame + mine.heard + wire.trip;
  turns += 1;
  lines.under(turn.item, turnLine(turn, turns, draw));
}

async function draw(turn) {
  const drawn = await server.chat_picture({ turn, dark: document.body.classList.contains("dark") });
  if (!drawn.svg) throw new Error(drawn.problem || "The picture could not be drawn.");
  return drawn.svg;
}

function models(names) {
  const known = names && [names.hears && `hears with ${names.hears}`, names.thinks && `thinks with ${names.thinks}`, names.speaks && `speaks with ${names.speaks}`];
  $(".vf-road").textContent = known ? known.filter(Boolean).join(" · ") : "";
}

const ends = {
  hello() {
    const going = session ? { ...session, received: arrived } : {};
    return { ...going, ...manner(), input: { format: "pcm16", rate: HEARD_RATE }, output: { format: "pcm16", rate: SPOKEN_RATE } };
  },
  message(what) {
    said[what.type]?.(what);
    show();
  },
  audio,
  // The house does not begin with this session. It may with a new one.
  unready() {
    now.lost = Boolean(session);
    session = null;
    return now.lost;
  },
  changed: () => show(),
  lost(why, unsaid) {
    // What was written and never sent is written again.
    for (const { id, content } of unsaid.filter(({ type }) => type === "message")) {
      lines.drops(id);
      written.value ||= content;
    }
    sound.deaf();
    sound.tell({ drop: true });
    Object.assign(now, { on: false, muted: false, held: false, hearing: false, thinking: false, paused: false, playing: false });
    response = first = null;
    complain(why);
    show();
  },
};
// Who holds the conversation: this house, or a realtime server, behind it or reached directly.
const way = () => picks.way.value;
const house = wireOf(ends);
const elsewhere = realtimeOf({ ...ends, mode: way, manner });
let wire = house;

// what a person does

async function begin() {
  complain("");
  const reason = impossible();
  if (reason) return complain(`${reason} You can write meanwhile.`);
  talk.disabled = true;
  try {
    hush();
    const track = await sound.listen(wire.rate || HEARD_RATE);
    track.onended = () => { end(); complain("The microphone was taken away. Plug it in or allow it again, then press Talk."); };
    now.on = true;
    wire.open();
  } catch (error) {
    sound.deaf();
    complain(`${refused(error)} You can write meanwhile.`);
  }
  talk.disabled = false;
  show();
}

function end() {
  wire.send({ type: "end" });
  wire.finish("");
}

// The microphone is silent while it is muted, and while the button is not held.
function hush() { sound.silence(now.muted || (manual() && !now.held)); }

function press() {
  if (!now.on || now.held) return;
  now.held = true;
  if (now.playing || now.paused) wire.send({ type: "interrupt" });
  wire.send({ type: "clear" });
  hush();
  show();
}

function release() {
  if (!now.held) return;
  setTimeout(() => {
    if (!now.held) return;
    now.held = false;
    now.thinking = true;
    hush();
    wire.send({ type: "commit" });
    show();
  }, TAIL_MS);
}

async function write(text) {
  const content = text.trim();
  if (!content) return;
  const id = `written-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  complain("");
  lines.hears(id, content, content.length, true);
  written.value = "";
  grow();
  now.thinking = true;
  try { await sound.ready(); } catch { /* no sound on this machine: the answer can still be read */ }
  wire.open();
  wire.send({ type: "message", content, id });
  show();
}

function anew() {
  if (wire.state !== "closed") end();
  session = null;
  turns = 0;
  arrived = 0;
  lines.clear();
  complain("");
  show();
  written.focus({ preventScroll: true });
}

function grow() {
  written.style.height = "auto";
  written.style.height = `${Math.min(140, written.scrollHeight + 2)}px`;
}

function manner() {
  const { voice, language, agent, model, prompt } = Object.fromEntries(Object.entries(picks).map(([name, node]) => [name, node.value]));
  return { voice, language, prompt, turns: manual() ? "manual" : "auto", model, ...(agent ? { agent } : {}) };
}

function keep() {
  try { localStorage.setItem(MANNER, JSON.stringify({ ...manner(), way: way() })); } catch { /* kept until the page closes */ }
  if (wire.state !== "closed") wire.send({ type: "configure", ...manner() });
}

talk.addEventListener("click", () => { if (!now.on) begin(); else if (!manual()) end(); });
talk.addEventListener("pointerdown", (event) => {
  if (!now.on || !manual()) return;
  talk.setPointerCapture(event.pointerId);
  press();
});
for (const kind of ["pointerup", "pointercancel"]) talk.addEventListener(kind, release);
talk.addEventListener("contextmenu", (event) => { if (manual()) event.preventDefault(); });
const typing = (node) => node.closest?.("textarea, input:not([type=radio]), select, summary, [contenteditable]");
document.addEventListener("keydown", (event) => {
  if (event.code !== "Space" || !now.on || !manual() || typing(event.target) || !element.offsetParent) return;
  event.preventDefault();
  press();
});
document.addEventListener("keyup", (event) => {
  if (event.code !== "Space" || !now.held) return;
  event.preventDefault();
  release();
});
window.addEventListener("blur", release);
$(".vf-mute").addEventListener("click", () => { now.muted = !now.muted; hush(); show(); });
$(".vf-hush").addEventListener("click", () => wire.send({ type: "interrupt" }));
$(".vf-leave").addEventListener("click", end);
$(".vf-anew").addEventListener("click", anew);
$(".vf-write").addEventListener("submit", (event) => { event.preventDefault(); write(written.value); });
written.addEventListener("input", grow);
written.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  write(written.value);
});
for (const node of element.querySelectorAll("[name=vf-turns]")) node.addEventListener("change", () => { hush(); keep(); show(); });
picks.way.addEventListener("change", () => { if (wire.state !== "closed") end(); session = null; }, { capture: true });
for (const node of Object.values(picks)) node.addEventListener("change", () => { led(); keep(); about(); });
$(".vf-starters").append(...STARTERS.map((text) => pressed("vf-act", text, () => write(text))));

function about() {
  for (const name of ["agent", "way"]) picks[name].parentNode.querySelector(".vf-about").textContent = picks[name].selectedOptions[0]?.title ?? "";
}

// What can be chosen is this house's; a server elsewhere has its own.
function led() {
  wire = way() ? elsewhere : house;
  for (const name of ["voice", "language", "model", "agent"]) picks[name].closest("label").hidden = Boolean(way()) || picks[name].options.length < 2;
}

// What can be chosen here now; asked for again whenever the tab is opened or somebody signs in.
function offer(choices) {
  const before = Object.fromEntries(Object.entries(picks).map(([name, node]) => [name, node.value]));
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(MANNER)) || {}; } catch { /* none, or storage is forbidden */ }
  for (const [name, pairs] of Object.entries(choices)) {
    const node = picks[name];
    node.replaceChildren(...pairs.map(([label, value, title]) => Object.assign(part("option", "", label), { value, title })));
    node.closest("label").hidden = pairs.length < 2;
    const wanted = before[name] || kept[name] || "";
    node.value = pairs.some(([, value]) => value === wanted) ? wanted : pairs[0]?.[1] ?? "";
  }
  if (!picks.prompt.value && kept.prompt) picks.prompt.value = kept.prompt;
  led();
  about();
  if (kept.turns === "manual" && wire.state === "closed") $("[name=vf-turns][value=manual]").checked = true;
}
// The tab is being opened, or somebody has signed in or out.
window.addEventListener("voiceforge-chat", async () => {
  const { choices, problem } = await server.chat_choices({});
  if (choices) offer(choices);
  complain(problem || "");
  show();
});
show();
return offer;
