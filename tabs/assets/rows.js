// The latest requests, newest first.
function cell(text, name) {
  const node = document.createElement("td");
  node.textContent = text;
  node.className = name || "";
  return node;
}

function row(entry) {
  const line = document.createElement("tr");
  const at = new Date(entry.at * 1000).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" });
  line.append(
    cell(at), cell(entry.op), cell(entry.voice || entry.engine), cell(entry.amount),
    cell(`${entry.ms.toLocaleString()} ms`, "vf-number"), cell(entry.status, `vf-status ${entry.status}`),
  );
  return line;
}

function draw() {
  const entries = Array.isArray(props.value) ? props.value : [];
  const body = element.querySelector(".vf-rows");
  const title = document.createElement("h3");
  title.textContent = "Latest requests";
  if (!entries.length) {
    const hint = document.createElement("p");
    hint.className = "vf-hint";
    hint.textContent = "None yet. What you speak or transcribe, here or by HTTP, is listed here.";
    return body.replaceChildren(title, hint);
  }
  const table = document.createElement("table");
  const head = document.createElement("tr");
  for (const name of ["When", "What", "By", "How much", "Took", "End"]) {
    const th = document.createElement("th");
    th.textContent = name;
    head.append(th);
  }
  table.append(head, ...entries.map(row));
  const scroll = document.createElement("div");
  scroll.className = "vf-scroll";
  scroll.append(table);
  body.replaceChildren(title, scroll);
}

draw();
watch("value", draw);
