// What a turn took, in figures under the answer, and its picture, which the house draws when somebody asks for it.
function saved(name, type, text) {
  const link = part("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const shortly = (seconds) => (seconds < 0.9995 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`);

// From the end of what the person said: seconds until the answer's first text, its first sound, and until it was heard.
function figures(turn) {
  const from = turn.speech_stopped ?? turn.ended;
  const after = (at) => (at === null || at === undefined || from === null || from === undefined ? null : at - from);
  return [
    ["first words", after(turn.first_text)],
    ["first sound", after(turn.first_frame)],
    ["at your ear", after(turn.first_heard)],
  ].filter(([, seconds]) => seconds !== null);
}

function turnLine(turn, number, draw) {
  const line = part("div", "vf-turn");
  const list = part("dl");
  for (const [name, seconds] of figures(turn)) {
    const cell = part("div");
    cell.append(part("dt", "", name), part("dd", "", seconds < 0 ? `${shortly(-seconds)} before you ended` : shortly(seconds)));
    list.append(cell);
  }
  const names = [["heard by", turn.hears], ["thought by", turn.thinks], ["spoken by", turn.speaks]].filter(([, name]) => name);
  const models = part("small", "", names.map((pair) => pair.join(" ")).join(" · "));
  const show = pressed("vf-mini", "Picture", () => (line.querySelector(".vf-picture") ? hide() : picture()));
  show.ariaExpanded = "false";
  line.append(list, show, models);

  function hide() {
    line.querySelector(".vf-picture").remove();
    show.ariaExpanded = "false";
  }

  async function picture() {
    show.disabled = true;
    const box = part("div", "vf-picture");
    try {
      const svg = await draw(turn);
      const image = part("img");
      image.alt = "How the answer came about, on a line of time";
      image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
      image.onload = () => {
        URL.revokeObjectURL(image.src);
        // On a phone the picture is wider than the page, and its end says most.
        image.parentNode.scrollLeft = image.parentNode.scrollWidth;
        box.scrollIntoView({ block: "nearest" });
      };
      const frame = part("div", "vf-paper");
      frame.append(image);
      const acts = part("div", "vf-acts");
      acts.append(
        pressed("vf-mini", "Save SVG", () => saved(`turn-${number}.svg`, "image/svg+xml", svg)),
        pressed("vf-mini", "Save JSON", () => saved(`turn-${number}.json`, "application/json", JSON.stringify(turn, null, 1))),
      );
      box.append(frame, acts);
    } catch (error) {
      box.append(part("p", "vf-note warn", error.message));
    }
    line.append(box);
    show.disabled = false;
    show.ariaExpanded = "true";
  }
  return line;
}
