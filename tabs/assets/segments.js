// The transcript with its times: a time, or a word that has one, takes the player there. Text is set as text.
function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return (hours ? `${hours}:` : "") + parts.join(":");
}

function seek(seconds) {
  const player = document.querySelector("#transcribe-source audio");
  if (!player) return;
  player.currentTime = seconds;
  player.play();
}

function jump(label, seconds, name) {
  const button = document.createElement("button");
  button.className = name;
  button.textContent = label;
  button.addEventListener("click", () => seek(seconds));
  return button;
}

function row(segment) {
  const line = document.createElement("div");
  line.className = "vf-line";
  const text = document.createElement("p");
  if (segment.words.length) for (const [word, start] of segment.words) text.append(jump(word, start, "vf-word"), " ");
  else text.textContent = segment.text;
  line.append(jump(clock(segment.start), segment.start, "vf-time"), text);
  return line;
}

function draw() {
  const segments = Array.isArray(props.value) ? props.value : [];
  element.querySelector(".vf-segments").replaceChildren(...segments.map(row));
}

draw();
watch("value", draw);
