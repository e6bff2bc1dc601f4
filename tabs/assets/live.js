// The sessions that are being held: asked for once a second, only while this can be seen, and only what is new.
(() => {
  const EVERY_MS = 1000;
  const MOST_LINES = 200;
  const ENDED_MS = 6000;
  const KINDS = { chat: "Chat", realtime: "Realtime", relay: "Relay" };
  const STATES = { listening: "Listening", thinking: "Thinking", speaking: "Speaking", away: "Waiting for its client", ended: "Ended" };
  const NOBODY = "Nobody is talking just now. A conversation above, on /ws or on /v1/realtime shows up here: whose turn it is, each event with its milliseconds, what was heard and said. Here is a program that begins one:";
  const root = element.querySelector(".vf-live");
  const $ = (name) => root.querySelector(name);
  const rows = new Map();
  const names = Object.keys(LIVE.clients);
  let chosen = names[0];
  let how = false;
  let after = 0;
  let asking = false;
  let seen = false;

  // the clients

  function filled(text) {
    const fresh = document.querySelector("#keys-secret textarea, #keys-secret input")?.value;
    const base = API.replace(/\/$/, "");
    const key = fresh || (LIVE.keyed ? "YOUR_API_KEY" : "not-needed-here");
    return text.replaceAll("{base}", base).replaceAll("{socket}", base.replace(/^http/, "ws")).replaceAll("{key}", key);
  }

  function client() {
    const code = $(".vf-live-empty code");
    code.textContent = filled(LIVE.clients[chosen]);
    const copy = pressed("vf-copy", "Copy", () => copied(copy, code.textContent, code));
    $(".vf-switch").replaceChildren(...names.map((name) => {
      const button = pressed(name === chosen ? "vf-on" : "", name, () => { chosen = name; client(); });
      button.ariaPressed = String(name === chosen);
      return button;
    }), copy);
  }

  // the sessions

  const long = (seconds) => (seconds < 60 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`);
  const sound = (seconds) => (seconds < 10 ? `${seconds.toFixed(1)} s` : long(seconds));
  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const clock = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;

  function made({ id, kind, own, key }) {
    const box = part("article", "vf-session");
    const head = part("div", "vf-session-head");
    const state = part("span", "vf-how");
    const end = pressed("vf-mini vf-session-end", "End", () => {
      if (!end.dataset.armed) {
        end.dataset.armed = "yes";
        end.textContent = "End it: sure?";
        setTimeout(() => { delete end.dataset.armed; end.textContent = "End"; }, 4000);
        return;
      }
      end.disabled = true;
      asked(`v1/live/${encodeURIComponent(id)}`, { method: "DELETE" }).then(look, complain).finally(() => { end.disabled = false; });
    });
    end.ariaLabel = `End the session ${id}`;
    head.append(part("i", "vf-dot"), part("strong", "", KINDS[kind] || kind), part("span", "vf-sort", own ? "yours" : key), state, end);
    const log = part("ol", "vf-session-log");
    log.tabIndex = 0;
    log.ariaLabel = `Events of the session ${id}`;
    const facts = part("dl", "vf-session-facts");
    const cells = Object.fromEntries(["For", "Heard", "Said", "Tokens", "Cost"].map((name) => {
      const cell = part("div");
      cell.append(part("dt", "", name), part("dd"));
      facts.append(cell);
      return [name, cell];
    }));
    const who = part("p", "vf-about");
    box.append(head, facts, who, log);
    box.dataset.session = id;
    return { box, state, end, log, cells, who, lines: new Map(), gone: 0 };
  }

  function line(row, event) {
    const node = part("li", event.from === "client" ? "vf-asked" : event.type === "error" ? "vf-wrong" : "");
    const what = part("div");
    what.append(part("b", "", event.type + (event.times > 1 ? ` ×${event.times}` : "")), " ", part("span", "", event.about));
    node.append(part("time", "", clock(event.ms)), what);
    if (event.words) node.append(part("q", "", event.words));
    const before = row.lines.get(event.number);
    before ? before.replaceWith(node) : row.log.append(node);
    row.lines.set(event.number, node);
    for (const [number, old] of row.lines) {
      if (row.lines.size <= MOST_LINES) break;
      old.remove();
      row.lines.delete(number);
    }
  }

  const LOOKS = { speaking: ["ready", ""], thinking: ["busy", "busy"], listening: ["good", "good"] };

  function turn(row, state) {
    if (row.box.dataset.state !== state) {
      row.box.dataset.state = state;
      if (state === "away") row.log.scrollTop = row.log.scrollHeight;
    }
    put(row.state, STATES[state]);
    const [dot, how] = LOOKS[state] || ["off", "off"];
    row.box.querySelector(".vf-dot").className = `vf-dot ${dot}`;
    row.state.className = `vf-how ${how}`;
  }

  function fill(row, session) {
    turn(row, session.state);
    const { For, Heard, Said, Tokens, Cost } = row.cells;
    put(For.lastChild, long(session.seconds));
    put(Heard.lastChild, sound(session.heard_seconds));
    put(Said.lastChild, sound(session.said_seconds));
    put(Tokens.lastChild, `${session.input_tokens} in, ${session.output_tokens} out`);
    Tokens.hidden = !session.input_tokens && !session.output_tokens;
    Cost.hidden = session.cost_usd === null;
    put(Cost.lastChild, session.cost_usd === null ? "" : `$${session.cost_usd.toFixed(4)}`);
    const { hears, thinks, speaks } = session.models;
    put(row.who, [["heard by", hears], ["thought by", thinks], ["spoken by", session.voice || speaks]].filter(([, name]) => name).map((pair) => pair.join(" ")).join(" · "));
    const atEnd = row.log.scrollTop + row.log.clientHeight >= row.log.scrollHeight - 8;
    for (const event of session.events) line(row, event);
    if (atEnd && session.events.length) row.log.scrollTop = row.log.scrollHeight;
  }

  function show({ data, total }) {
    const here = new Set(data.map((session) => session.id));
    for (const session of data.toReversed()) {
      if (!rows.has(session.id)) {
        rows.set(session.id, made(session));
        $(".vf-live-rows").prepend(rows.get(session.id).box);
      }
      fill(rows.get(session.id), session);
    }
    const now = performance.now();
    for (const [id, row] of rows) {
      if (here.has(id)) continue;
      // What was being read does not vanish under the eye.
      row.gone ||= now;
      row.end.hidden = true;
      turn(row, "ended");
      if (now - row.gone > ENDED_MS && !row.box.matches(":hover, :focus-within")) {
        row.box.remove();
        rows.delete(id);
      }
    }
    const others = data.filter((session) => !session.own).length;
    put($(".vf-live-count"), total ? `${total}${others ? `, ${data.length - others} of yours` : ""}${total > data.length ? `; the newest ${data.length} are shown` : ""}` : "");
    frame();
  }

  function frame() {
    const empty = !rows.size;
    $(".vf-live-how").hidden = empty;
    $(".vf-live-how").ariaExpanded = String(how);
    $(".vf-live-empty").hidden = !empty && !how;
    put($(".vf-live-empty .vf-hint"), empty ? NOBODY : "A program that begins another:");
  }

  function complain(error) {
    $(".vf-live-trouble").textContent = error ? error.message : "";
    $(".vf-live-trouble").hidden = !error;
  }

  async function look() {
    if (asking) return;
    asking = true;
    try {
      const told = await (await asked(`v1/live?after=${after}`)).json();
      after = told.now;
      show(told);
      complain(null);
    } catch (error) {
      if (error.status === 401 || error.status === 403) show({ data: [], total: 0 });
      complain(error.status === 401 ? null : error);
    } finally {
      asking = false;
    }
  }

  new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    if (seen) look();
  }).observe(root);
  setInterval(() => { if (seen && !document.hidden && element.offsetParent !== null) look(); }, EVERY_MS);
  // Somebody else may have signed in, or a key may have been made.
  window.addEventListener("voiceforge-chat", () => { client(); after = 0; rows.clear(); $(".vf-live-rows").replaceChildren(); if (seen) look(); });
  $(".vf-live-how").addEventListener("click", () => { how = !how; frame(); });
  $(".vf-live-part").hidden = !LIVE.apart;
  client();
  frame();
})();
