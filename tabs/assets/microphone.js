// Says why a microphone does not work: the page's address, a permission, no device, another program, or silence.
const LISTEN_MS = 3000;
const SILENT = 0.004;
const button = element.querySelector(".vf-mic-go");
const meter = element.querySelector("meter");
const status = element.querySelector("p");

function say(text, kind) {
  status.textContent = text;
  status.className = kind || "";
}

async function loudest(stream) {
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const end = performance.now() + LISTEN_MS;
  let most = 0;
  while (performance.now() < end) {
    analyser.getFloatTimeDomainData(samples);
    const level = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
    most = Math.max(most, level);
    meter.value = Math.min(1, level * 5);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await context.close();
  return most;
}

async function check() {
  const reason = impossible();
  if (reason) return say(reason, "warn");
  say("Waiting for the browser's permission …");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    return say(refused(error), "warn");
  }
  meter.hidden = false;
  say("Say something for three seconds.");
  const most = await loudest(stream);
  const name = stream.getAudioTracks()[0]?.label || "The microphone";
  stream.getTracks().forEach((track) => track.stop());
  meter.hidden = true;
  if (most < SILENT) say(`${name} is open but silent. Is it muted, or is another one meant?`, "warn");
  else say(`${name} works.`, "good");
}

button.addEventListener("click", async () => {
  button.disabled = true;
  try { await check(); } finally { button.disabled = false; }
});
