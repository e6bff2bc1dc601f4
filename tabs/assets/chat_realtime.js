// The socket of a server that speaks OpenAI's realtime protocol, with the face of `wireOf`: what it tells is translated
// into the messages of /ws. The house says where that server is: behind itself, or reached by this page directly.
const REALTIME_RATE = 24000;
const PIECE = 20;
const PACE = 14;

function base64Of(buffer) {
  let text = "";
  for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

function bufferOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
}

function realtimeOf({ mode, manner, message, audio, changed, lost }) {
  let socket = null;
  let state = "closed";
  let opened = 0;
  let waiting = [];
  let position = 0;
  let played = 0;
  let answer = null;
  let turn = {};
  let heard = new Map();
  let told = "";

  const clock = () => (performance.now() - opened) / 1000;
  const event = (type, values) => socket.send(JSON.stringify({ type, ...values }));

  function become(to) {
    if (state === to) return;
    state = to;
    changed(to);
  }

  function session() {
    const { prompt, turns } = manner();
    const format = { type: "audio/pcm", rate: REALTIME_RATE };
    const detection = turns === "manual" ? null : { type: "server_vad" };
    return {
      type: "realtime",
      ...(prompt ? { instructions: prompt } : {}),
      audio: { input: { format, turn_detection: detection, transcription: { model: "whisper-1" } }, output: { format } },
    };
  }

  async function connect() {
    const asking = {};
    socket = asking;
    try {
      const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(mode() === "direct" ? { mode: "direct" } : { mode: "here", model: mode() }) };
      const way = await (await asked("v1/voice/realtime/session", options)).json();
      if (socket !== asking) return;
      const mine = socket = new WebSocket(way.url, way.protocols);
      mine.onmessage = ({ data }) => { if (mine === socket) hears(JSON.parse(data), way); };
      mine.onclose = ({ code, reason }) => { if (mine === socket) finish(told || (code === 1000 ? reason : reason || "The realtime server has ended the connection.")); };
    } catch (error) {
      if (socket === asking) finish(error.message);
    }
  }

  const tells = {
    "session.created"({ session: { model } }, way) {
      opened = performance.now();
      position = played = 0;
      event("session.update", { session: session() });
      become("open");
      message({ type: "ready", session: "", token: "", resumed: false, position, history: [], models: { thinks: `${model || way.session.model || "a realtime model"}${way.mode === "direct" ? ", directly" : ""}` } });
      waiting.splice(0).forEach(send);
    },
    "input_audio_buffer.speech_started"({ item_id: item }) {
      if (sounding()) interrupt("speech");
      turn = {};
      message({ type: "speech_started", item });
    },
    "input_audio_buffer.speech_stopped"({ item_id: item }) {
      turn.speech_stopped = clock();
      message({ type: "speech_stopped", item });
    },
    "input_audio_buffer.committed"({ item_id: item }) {
      turn.ended = clock();
      message({ type: "turn_ended", item, reason: "silence" });
    },
    "conversation.item.input_audio_transcription.delta"({ item_id: item, delta }) {
      const text = (heard.get(item) || "") + (delta || "");
      heard.set(item, text);
      message({ type: "transcript", item, text, sure: text.length, final: false });
    },
    "conversation.item.input_audio_transcription.completed"({ item_id: item, transcript: text }) {
      heard.delete(item);
      if (text) message({ type: "transcript", item, text, sure: text.length, final: true });
    },
    "response.created"({ response: { id } }) {
      answer = { response: id, item: "", text: "", at: position, told: 0, whole: false, over: false };
      message({ type: "audio", position });
    },
    "response.output_item.added"({ response_id: response, item }) {
      if (answer?.response !== response || item.type !== "message") return;
      answer.item = item.id;
      message({ type: "response_started", response, item: item.id });
    },
    "response.output_audio_transcript.delta": says,
    "response.output_text.delta": says,
    "response.output_audio.delta"({ response_id: response, delta }) {
      if (answer?.response !== response) return;
      const samples = bufferOf(delta);
      turn.first_frame ??= clock();
      if (answer.text.length > answer.told + PIECE || !answer.told) spoken(answer);
      position += samples.byteLength / 2;
      audio(samples);
    },
    "response.output_audio.done"({ response_id: response }) {
      if (answer?.response !== response) return;
      spoken(answer);
      answer.whole = true;
      message({ type: "audio_done", position });
    },
    "response.function_call_arguments.done"({ name, arguments: given }) { message({ type: "tool_call", name: name || "a tool", arguments: given }); },
    "response.done"({ response: { id, status, status_details: details } }) {
      if (answer?.response !== id) return;
      const { item, text } = answer;
      const failed = status === "failed";
      answer.over = true;
      if (failed) message({ type: "error", message: details?.error?.message || "The answer could not be made." });
      done(id, item, text, failed ? "failed" : "completed", null);
    },
    error({ error }) { message({ type: "error", message: error?.message || "Something went wrong there.", fatal: false }); },
  };

  function hears(what, way) { if (Object.hasOwn(tells, what.type)) tells[what.type](what, way); }

  function says({ response_id: response, item_id: item, delta }) {
    if (answer?.response !== response || !delta) return;
    turn.first_text ??= clock();
    answer.text += delta;
    message({ type: "text", response, item, delta });
  }

  // That so much of the text belongs to the sound from here on.
  function spoken(one) {
    if (one.text.length <= one.told) return;
    message({ type: "speaking", response: one.response, item: one.item, start: one.told, end: one.text.length, position: one.told ? position : one.at });
    one.told = one.text.length;
  }

  // Sound comes faster than it is played: an answer that is over may still be heard.
  const sounding = () => answer && (!answer.over || played < position);

  function done(response, item, text, status, heardTo) {
    const about = { ...turn, item, done: clock(), hears: "", thinks: "", speaks: "" };
    turn = {};
    if (!item && status !== "failed") return message({ type: "item_deleted", id: "" });
    const told = item && text ? { id: item, role: "assistant", text, heard: heardTo, status: status === "interrupted" ? status : "done" } : null;
    message({ type: "response_done", response, status, item: told, turn: about });
  }

  // That side is told how much reached the ear, so that it remembers no more than that.
  function interrupt(reason) {
    const { response, item, text, at, whole, over } = answer;
    answer = null;
    if (!over && reason !== "speech") event("response.cancel", {});
    const all = position - at;
    const out = Math.min(all, Math.max(0, played - at));
    // Until all sound is here, the text is ahead of it by nobody knows how much.
    const most = whole ? text.length : Math.min(text.length, (PACE * all) / REALTIME_RATE);
    const upTo = Math.max(0, all ? text.lastIndexOf(" ", Math.floor((out / all) * most)) : 0);
    if (item && all) event("conversation.item.truncate", { item_id: item, content_index: 0, audio_end_ms: Math.floor((1000 * out) / REALTIME_RATE) });
    message({ type: "interrupted", item, heard: text.slice(0, upTo), position: at + out, reason });
    if (!over) done(response, item, text, "interrupted", upTo);
  }

  const does = {
    message({ content, id }) {
      if (sounding()) interrupt("message");
      turn = { ended: clock() };
      event("conversation.item.create", { item: { type: "message", role: "user", id: id.slice(0, 32), content: [{ type: "input_text", text: content }] } });
      event("response.create", {});
    },
    commit() {
      event("input_audio_buffer.commit", {});
      event("response.create", {});
      turn.speech_stopped = clock();
    },
    clear() { event("input_audio_buffer.clear", {}); },
    interrupt() { if (sounding()) interrupt("asked"); },
    configure() { event("session.update", { session: session() }); },
    played({ position: at }) { played = at; },
  };

  function send(what) {
    if (state === "open" && socket?.readyState === WebSocket.OPEN) does[what.type]?.(what);
    else if (what.type === "message") waiting.push(what);
  }

  function finish(why) {
    const old = socket;
    socket = null;
    if (old instanceof WebSocket) old.close(1000);
    const unsaid = waiting;
    [waiting, told, answer] = [[], "", null];
    become("closed");
    lost(why, unsaid);
  }

  return {
    send, finish,
    rate: REALTIME_RATE,
    trip: 0,
    get state() { return state; },
    open() {
      if (state !== "closed") return;
      become("opening");
      connect();
    },
    frame(buffer) {
      if (state === "open" && socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < 2 * CROWDED_BYTES) event("input_audio_buffer.append", { audio: base64Of(buffer) });
    },
  };
}
