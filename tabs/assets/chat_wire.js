// The socket, by protocol version 1 (docs/protocol.md). A connection that drops is made again with the session's own
// secret, and goes on at the very sample that was missing.
const AGAIN_MS = [250, 500, 1000, 2000, 4000];
const GIVE_UP_MS = 60000;
const CROWDED_BYTES = 64000;
const PING_MS = 5000;
const CLOSED = {
  1008: "This app does not let you hold a conversation.",
  1009: "A message was too big.",
  1013: "All places are taken just now. Try again in a minute.",
  4400: "Too much was sent at once.",
  4401: "Sign in with your key at the top of the page, then try again.",
};

function wireOf({ hello, message, audio, unready, changed, lost }) {
  let socket = null;
  let state = "closed";
  let ready = false;
  let since = 0;
  let tries = 0;
  let timer = 0;
  // Where conversations have several processes, the same line leads to the one that holds ours.
  const line = Math.random().toString(36).slice(2);
  let pinging = 0;
  let trip = 0;
  let waiting = [];
  let told = "";

  function turn(to) {
    if (state === to) return;
    state = to;
    changed(to);
  }

  function connect() {
    const mine = socket = new WebSocket(`${API.replace(/^http/, "ws")}ws?line=${line}`);
    ready = false;
    mine.binaryType = "arraybuffer";
    mine.onopen = greet;
    mine.onmessage = ({ data }) => { if (mine === socket) typeof data === "string" ? heard(JSON.parse(data)) : audio(data); };
    mine.onclose = ({ code, reason }) => { if (mine === socket) closed(code, reason); };
  }

  function greet() {
    const key = window.voiceforge?.token || undefined;
    socket.send(JSON.stringify({ type: "start", v: 1, key, ...hello() }));
  }

  // An error in place of `ready`: what was asked for cannot be begun with. What another process still holds, it will
  // soon let go of.
  function stuck({ message: why, code }) {
    if (code === "conflict" && performance.now() - since < GIVE_UP_MS) {
      const old = socket;
      socket = null;
      old.close(1000);
      return again();
    }
    if (unready()) return greet();
    told = why;
    socket.close(1000);
  }

  function heard(what) {
    if (what.type === "error" && !what.fatal && !ready) return stuck(what);
    if (what.type === "pong") trip = (performance.now() - what.t) / 1000;
    if (what.type === "error" && what.fatal) told = what.message;
    if (what.type === "ready") {
      ready = true;
      tries = 0;
      turn("open");
    }
    message(what);
    if (what.type === "ready") waiting.splice(0).forEach(send);
  }

  function closed(code, reason) {
    ready = false;
    socket = null;
    if (state === "open") since = performance.now();
    const final = code === 1000 || code in CLOSED || told;
    if (!final && performance.now() - since < GIVE_UP_MS && state !== "opening") return again();
    const never = state === "opening" ? "No connection for voice could be made. Is the app still running?" : "The connection is lost, and a minute of trying did not bring it back.";
    finish((code !== 4401 && told) || (code === 1000 ? "" : CLOSED[code] || reason || never));
  }

  function again() {
    turn("again");
    timer = setTimeout(connect, AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]);
    tries += 1;
  }

  function finish(why) {
    clearTimeout(timer);
    clearInterval(pinging);
    const old = socket;
    socket = null;
    old?.close(1000);
    const unsaid = waiting;
    [waiting, told, ready] = [[], "", false];
    turn("closed");
    lost(why, unsaid);
  }

  // What is said while the line is down is said when it is up again.
  function send(what) {
    if (ready && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(what));
    else if (what.type !== "played" && what.type !== "ping") waiting.push(what);
  }

  return {
    send, finish,
    get trip() { return trip; },
    get state() { return state; },
    open() {
      if (state !== "closed") return;
      tries = 0;
      since = performance.now();
      turn("opening");
      connect();
      pinging = setInterval(() => send({ type: "ping", t: performance.now() }), PING_MS);
    },
    // Sound that cannot leave now is worth nothing later.
    frame(buffer) {
      if (ready && socket.readyState === WebSocket.OPEN && socket.bufferedAmount < CROWDED_BYTES) socket.send(buffer);
    },
  };
}
