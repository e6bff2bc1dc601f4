// How the house stands, asked every two seconds while the tab is to be seen. What has not changed is not drawn again.
const EVERY_MS = 2000;
const KINDS = { tts: "speaks", stt: "hears" };
const $ = (name) => element.querySelector(name);
const drawn = new Map();
const logs = new Map();
let absentOpen = false;
let asking = false;

// numbers for people

function long(seconds) {
  const whole = Math.floor(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1000; unit += 1; }
  return `${bytes >= 100 || unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

const megabytes = (number) => size(number * 1e6);
const plain = (number) => (Math.abs(number) >= 1000 ? Math.round(number).toLocaleString() : String(Number(number.toPrecision(3))));

// small pieces

function figure(name, value, hint) {
  const cell = part("div");
  cell.append(part("dt", "", name), part("dd", "", value));
  if (hint) cell.title = hint;
  return cell;
}

function bar(share, kind) {
  const rail = part("div", `vf-bar ${kind || ""}`);
  const fill = part("i");
  fill.style.width = `${Math.max(0, Math.min(100, share * 100))}%`;
  rail.append(fill);
  return rail;
}

function heading(title, about) {
  const head = part("div", "vf-panel-head");
  head.append(part("h3", "", title), part("small", "", about));
  return head;
}

// Draws a section where its data differs from what it shows.
function draw(name, data, make) {
  const section = $(name);
  section.hidden = !data;
  const text = JSON.stringify(data);
  if (drawn.get(name) === text) return;
  drawn.set(name, text);
  section.replaceChildren(...(data ? make(data) : []));
}

function complain(error) {
  const trouble = $(".vf-trouble");
  trouble.textContent = error ? error.message : "";
  trouble.hidden = !error;
}

async function act(method, path) {
  try {
    const answer = await asked(path, { method });
    complain(null);
    await look();
    return await answer.json();
  } catch (error) {
    complain(error);
    return null;
  }
}

// A button that asks once more, since what it does cannot be undone.
function twice(label, sure, then) {
  const button = pressed("vf-mini", label, () => {
    if (button.dataset.armed) return then();
    button.dataset.armed = "yes";
    button.textContent = sure;
    setTimeout(() => { delete button.dataset.armed; button.textContent = label; }, 4000);
  });
  return button;
}

// engines

function standing(engine) {
  if (engine.circuit === "open") return ["resting", "bad"];
  if (engine.loading) return ["loading", "busy"];
  if (engine.loaded) return [engine.running ? "at work" : "loaded", "good"];
  if (engine.usable) return ["ready", "ready"];
  return [engine.installed ? "not downloaded" : "not installed", "off"];
}

async function fill(name, lines) {
  try {
    const { data } = await (await asked(`v1/status/log/${encodeURIComponent(name)}`)).json();
    const text = data.join("\n") || "It has printed nothing.";
    const atEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 4;
    if (lines.textContent !== text) lines.textContent = text;
    if (atEnd) lines.scrollTop = lines.scrollHeight;
  } catch (error) {
    lines.textContent = error.message;
  }
}

// Its element outlives a new drawing of the row, so that what is being read stays where it is.
function log(name, row) {
  const button = pressed("vf-mini", logs.has(name) ? "Hide log" : "Log", () => {
    if (logs.has(name)) { logs.get(name).remove(); logs.delete(name); button.textContent = "Log"; return; }
    const lines = part("pre", "vf-log", "…");
    lines.tabIndex = 0;
    lines.ariaLabel = `The last lines that ${name} printed`;
    logs.set(name, lines);
    row.append(lines);
    button.textContent = "Hide log";
    fill(name, lines);
  });
  return button;
}

function engine(entry, administrator, offered) {
  const row = part("article", "vf-engine");
  row.dataset.engine = entry.name;
  const [state, kind] = standing(entry);
  const head = part("div", "vf-engine-head");
  const title = entry.name.includes(":") ? `${entry.title} ${entry.name.split(":")[1]}` : entry.title;
  head.append(part("i", `vf-dot ${kind}`), part("strong", "", title), part("span", "vf-sort", KINDS[entry.kind] || entry.kind), part("span", `vf-how ${kind}`, state));
  const facts = [];
  if (entry.loaded) facts.push(`${entry.loaded} worker${entry.loaded > 1 ? "s" : ""}`, megabytes(entry.memory_mb));
  if (entry.pids?.length) facts.push(`pid ${entry.pids.join(", ")}`);
  if (entry.running || entry.queued) facts.push(`${entry.running} running`, `${entry.queued} waiting`);
  if (entry.crashes) facts.push(`${entry.crashes} crash${entry.crashes > 1 ? "es" : ""}`);
  row.append(head, part("p", "vf-about", facts.length ? facts.join(" · ") : entry.summary));
  if (entry.why_not) row.append(lacking(entry.why_not, entry.commands));
  if (offered) row.lastChild.append(pressed("vf-mini", "Download …", () => $(".vf-downloads-panel").scrollIntoView({ behavior: "smooth", block: "nearest" })));
  if (entry.last_error && entry.last_error !== entry.why_not) row.append(part("p", "vf-last", `Last trouble: ${entry.last_error}`));
  if (administrator && (entry.loaded || entry.crashes || entry.last_error)) head.append(log(entry.name, row));
  if (logs.has(entry.name)) row.append(logs.get(entry.name));
  return row;
}

function engines({ list, administrator, fetchable }) {
  const [here, absent] = [list.filter((entry) => entry.installed), list.filter((entry) => !entry.installed)];
  const ready = here.filter((entry) => entry.usable).length;
  const parts = [heading("Engines", `${ready} ready, ${here.filter((entry) => entry.loaded).length} loaded`), ...here.map((entry) => engine(entry, administrator, !entry.usable && fetchable.includes(entry.name.split(":")[0])))];
  if (absent.length) {
    const rest = part("details", "vf-rest");
    rest.open = absentOpen;
    rest.addEventListener("toggle", () => { absentOpen = rest.open; });
    rest.append(part("summary", "", `${absent.length} more that are not installed`), ...absent.map((entry) => engine(entry, false)));
    parts.push(rest);
  }
  return parts;
}

// downloads

function download(state) {
  const row = part("article", "vf-job");
  const head = part("div", "vf-engine-head");
  const query = state.model ? `?model=${encodeURIComponent(state.model)}` : "";
  const path = `v1/downloads/${encodeURIComponent(state.engine)}`;
  const share = state.total ? state.bytes / state.total : 0;
  const how = { absent: share ? "broken off" : "", failed: "failed", here: "here", waiting: "waiting", checking: "checking", downloading: `${Math.floor(share * 100)} %` }[state.status] ?? state.status;
  head.append(part("strong", "", [state.engine, state.model].filter(Boolean).join(" ")), part("small", "", state.total ? size(state.total) : ""));
  if (how) head.append(part("span", `vf-how ${{ failed: "bad", here: "good" }[state.status] || "busy"}`, how));
  const side = part("span", "vf-right");
  if (state.busy) side.append(pressed("vf-mini", "Cancel", () => act("POST", `${path}/cancel${query}`)));
  else if (state.status === "here") side.append(twice("Delete", "Delete: sure?", () => act("DELETE", path + query)));
  else side.append(pressed("vf-mini", share ? "Resume" : "Download", () => act("POST", path + query)));
  if (!state.busy && state.status !== "here" && share) side.append(twice("Delete", "Delete: sure?", () => act("DELETE", path + query)));
  head.append(side);
  row.append(head);
  if (state.busy) {
    const left = state.seconds_left === null ? "" : ` · ${long(state.seconds_left)} left`;
    row.append(bar(share), part("p", "vf-about", `${size(state.bytes)} of ${size(state.total)} · ${size(state.bytes_per_second)}/s${left}`));
  }
  if (state.status === "failed") row.append(part("p", "vf-last", state.why));
  return row;
}

function downloads(states) {
  const here = states.filter((state) => state.status === "here");
  return [heading("Downloads", `${here.length} of ${states.length} here`), ...states.map(download)];
}

// benchmarks

const NAMES = { pool: "Workers and queue", tts: "Speech", stt: "Recognition" };

const worded = (name, unit) => (unit && name.endsWith(`_${unit}`) ? name.slice(0, -unit.length - 1) : name).replaceAll("_", " ");

function bars(result) {
  const chart = part("div", "vf-plot");
  const units = result.units || {};
  const most = new Map();
  const bounds = (name) => Object.values(result.targets?.[name] || {});
  // A figure with a target is drawn against it, the others against the largest of their unit.
  const family = (name) => (bounds(name).length ? name : units[name] || name);
  const reach = (name) => Math.max(Math.abs(result.figures[name]), ...bounds(name).map((bound) => bound * 1.15));
  for (const name of Object.keys(result.figures)) most.set(family(name), Math.max(most.get(family(name)) || 0, reach(name)));
  for (const [name, value] of Object.entries(result.figures)) {
    const scale = most.get(family(name)) || 1;
    const missed = result.missed.includes(name);
    const line = part("div", "vf-measure");
    const target = Object.entries(result.targets?.[name] || {}).map(([side, bound]) => `${side === "at_most" ? "at most" : "at least"} ${plain(bound)}`)[0];
    line.title = [name, result.spread?.[name] && `quartiles ${result.spread[name].map(plain).join(" to ")}`, target && `target: ${target}`].filter(Boolean).join("; ");
    const rail = bar(Math.abs(value) / scale, missed ? "missed" : "");
    for (const bound of bounds(name)) {
      const mark = part("b");
      mark.style.left = `${Math.min(100, (bound / scale) * 100)}%`;
      rail.append(mark);
    }
    line.append(part("span", "", worded(name, units[name])), rail, part("em", missed ? "missed" : "", `${plain(value)} ${units[name] === "us" ? "µs" : units[name] || ""}`));
    chart.append(line);
  }
  return chart;
}

function trial(entry) {
  const row = part("article", "vf-job");
  const when = new Date(entry.at * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const head = part("div", "vf-engine-head");
  head.append(part("strong", "", NAMES[entry.name] || entry.name), part("small", "", entry.state === "running" ? "" : `${when}, ${long(entry.seconds)}`));
  if (entry.state !== "done") head.append(part("span", `vf-how ${entry.state === "failed" ? "bad" : "busy"}`, entry.state));
  row.append(head);
  if (entry.state === "running") row.append(Object.assign(part("div", "vf-bar vf-running"), { innerHTML: '<i style="width:35%"></i>' }));
  if (entry.why) row.append(part("p", "vf-last", entry.why));
  if (entry.result) row.append(bars(entry.result));
  return row;
}

function benchmarks({ names, data }) {
  const running = data.some((entry) => entry.state === "running");
  const row = part("div", "vf-chips-row");
  row.append(...names.map((name) => {
    const button = pressed("vf-mini", NAMES[name] || name, () => act("POST", `v1/benchmarks/${encodeURIComponent(name)}`));
    button.disabled = running;
    return button;
  }));
  if (running) row.append(pressed("vf-mini", "Cancel", () => act("DELETE", "v1/benchmarks")));
  const hint = part("p", "vf-about", "Each takes the whole machine for up to a minute; speech is slower meanwhile.");
  return [heading("Benchmarks of this machine", running ? "one is running" : ""), row, ...(data.length ? [] : [hint]), ...data.map(trial)];
}

// the rest

function cache(stats) {
  const rail = bar(stats.disk.max_bytes ? stats.disk.bytes / stats.disk.max_bytes : 0);
  const total = stats.hits + stats.misses + stats.shared;
  const about = `${size(stats.disk.bytes)} of ${size(stats.disk.max_bytes)} · ${stats.disk.count.toLocaleString()} pieces · ${total ? Math.round((100 * (stats.hits + stats.shared)) / total) : 0} % of ${total.toLocaleString()} requests found`;
  const head = heading("Speech that is kept", "");
  head.append(twice("Clear", "Clear: sure?", () => act("DELETE", "v1/status/cache")));
  return [head, rail, part("p", "vf-about", about), ...(stats.disk.why_off ? [part("p", "vf-last", stats.disk.why_off)] : [])];
}

function machine({ machine: about, storage }) {
  const list = part("dl", "vf-pairs");
  const pairs = [
    ["Processor", about.cpu], ["Cores", about.cores], ["Memory", megabytes(about.memory_mb)], ["System", about.system], ["Python", about.python],
    ["Database", `${storage.kind}, ${megabytes(storage.database_mb)}`], ["Disk", `${megabytes(storage.free_mb)} free of ${megabytes(storage.total_mb)}`],
  ];
  for (const [name, value] of pairs) list.append(part("dt", "", name), part("dd", "", String(value)));
  return [heading("Machine and storage", ""), list];
}

function figures(status) {
  const cells = [figure("Up for", long(status.uptime_seconds)), figure("Running", status.running), figure("Waiting", status.waiting)];
  if (status.loop) cells.push(figure("Loop lag p50 / p99", `${status.loop.p50.toFixed(1)} / ${status.loop.p99.toFixed(1)} ms`, `Of the last minute; the most was ${status.loop.most.toFixed(1)} ms`));
  if (status.process) cells.push(figure("App's memory", megabytes(status.process.memory_mb)));
  cells.push(figure("Engines' memory", megabytes(status.engines.reduce((sum, entry) => sum + entry.memory_mb, 0))), figure("Version", status.version));
  $(".vf-figures").replaceChildren(...cells);
}

function show(status) {
  const { administrator } = status;
  figures(status);
  const fetchable = [...new Set((status.downloads || []).map((state) => state.engine))];
  draw(".vf-engines", { list: status.engines, administrator, fetchable }, engines);
  draw(".vf-downloads-panel", status.downloads, downloads);
  draw(".vf-benchmarks", status.benchmarks, benchmarks);
  draw(".vf-cache", status.cache, cache);
  draw(".vf-machine", status.machine && { machine: status.machine, storage: { ...status.storage, free_mb: Math.round(status.storage.free_mb / 100) * 100 } }, machine);
  $(".vf-halves").classList.toggle("vf-alone", !administrator);
}

async function look() {
  if (asking) return;
  asking = true;
  try {
    show(await (await asked("v1/status")).json());
    complain(null);
    for (const [name, lines] of logs) if (lines.isConnected) await fill(name, lines);
  } catch (error) {
    complain(error.status === 401 ? new Error("Sign in to see how everything stands.") : error);
    if (error.status === 401) for (const name of [".vf-engines", ".vf-downloads-panel", ".vf-benchmarks", ".vf-cache", ".vf-machine"]) draw(name, null);
    if (error.status === 401) $(".vf-figures").replaceChildren();
  } finally {
    asking = false;
  }
}

window.addEventListener("voiceforge-status", look);
setInterval(() => { if (!document.hidden && element.offsetParent !== null) look(); }, EVERY_MS);
