// One bar a day: requests, and among them the failed ones. The figures of a day stand in its title.
function bar(day, most) {
  const column = document.createElement("div");
  column.className = "vf-day";
  column.title = `${day.day}: ${day.requests} requests, ${day.failed} failed, ${day.characters.toLocaleString()} characters, ${day.seconds} s of audio`;
  const whole = document.createElement("i");
  whole.style.height = `${day.requests ? Math.max(3, (100 * day.requests) / most) : 0}%`;
  const failed = document.createElement("b");
  failed.style.height = `${day.requests ? (100 * day.failed) / day.requests : 0}%`;
  whole.append(failed);
  column.append(whole);
  return column;
}

function figure(name, value) {
  const cell = document.createElement("div");
  const term = document.createElement("dt");
  term.textContent = name;
  const text = document.createElement("dd");
  text.textContent = value;
  cell.append(term, text);
  return cell;
}

function draw() {
  const days = Array.isArray(props.value) ? props.value : [];
  const body = element.querySelector(".vf-chart");
  const sum = (name) => days.reduce((total, day) => total + day[name], 0);
  const totals = document.createElement("dl");
  totals.className = "vf-facts";
  totals.append(
    figure("Requests", sum("requests").toLocaleString()),
    figure("Characters", sum("characters").toLocaleString()),
    figure("Audio", `${(sum("seconds") / 60).toFixed(1)} min`),
    figure("Failed", sum("failed").toLocaleString()),
  );
  if (!days.length) return body.replaceChildren(totals);
  const bars = document.createElement("div");
  bars.className = "vf-bars";
  bars.setAttribute("role", "img");
  bars.setAttribute("aria-label", `Requests of the last ${days.length} days`);
  const most = Math.max(1, ...days.map((day) => day.requests));
  bars.append(...days.map((day) => bar(day, most)));
  const axis = document.createElement("div");
  axis.className = "vf-axis";
  for (const text of [days[0].day, `most in a day: ${Math.max(...days.map((day) => day.requests))}`, days.at(-1).day]) {
    const mark = document.createElement("span");
    mark.textContent = text;
    axis.append(mark);
  }
  body.replaceChildren(totals, bars, axis);
}

draw();
watch("value", draw);
