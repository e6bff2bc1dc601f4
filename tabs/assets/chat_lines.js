// The conversation to read: who said what, and of our own words which were heard. Text is set as text.
function linesOf(box, nothing) {
  const kept = new Map();
  const MOST = 400;

  function near() { return box.scrollHeight - box.scrollTop - box.clientHeight < 80; }

  function put(node) {
    const follow = near();
    nothing.hidden = true;
    box.append(node);
    while (box.children.length > MOST) box.children[1].remove();
    if (follow) box.scrollTop = box.scrollHeight;
    return node;
  }

  function line(item, side) {
    const found = kept.get(item);
    if (found?.node.isConnected) return found;
    const node = part("article", `vf-said ${side}`);
    const text = part("p");
    text.dir = "auto";
    node.setAttribute("aria-label", side === "mine" ? "You" : "VoiceForge");
    node.append(text);
    const one = { node, text, words: "", heard: null, lost: false };
    kept.set(item, one);
    put(node);
    return one;
  }

  function keep(change) {
    const follow = near();
    change();
    if (follow) box.scrollTop = box.scrollHeight;
  }

  function spans(one, ...pairs) {
    keep(() => one.text.replaceChildren(...pairs.filter(([, words]) => words).map(([name, words]) => part("span", name, words))));
  }

  function draw(one) {
    const at = one.heard ?? one.words.length;
    spans(one, ["vf-heard", one.words.slice(0, at)], [one.lost ? "vf-lost" : "vf-ahead", one.words.slice(at)]);
    one.text.classList.toggle("vf-dots", !one.words);
    let mark = one.node.querySelector(".vf-cut");
    const cut = one.lost && at < one.words.length;
    if (cut && !mark) one.text.after(mark = part("small", "vf-cut"));
    if (cut) mark.textContent = at ? "You interrupted: the words struck out were not heard." : "You interrupted before a word was heard.";
    else mark?.remove();
  }

  return {
    // What the person says, while he says it: `sure` characters will not change any more.
    hears(item, text, sure, final) {
      const one = line(item, "mine");
      one.words = text;
      one.node.classList.toggle("vf-open", !final);
      spans(one, ["", text.slice(0, final ? text.length : sure)], ["vf-unsure", final ? "" : text.slice(sure)]);
    },
    answers(item) { draw(line(item, "ours")); },
    adds(item, delta) {
      const one = line(item, "ours");
      one.words += delta;
      draw(one);
    },
    spoken(item) {
      const one = kept.get(item);
      if (one && one.heard === null) { one.heard = 0; draw(one); }
    },
    heard(item, characters) {
      const one = kept.get(item);
      if (!one || one.lost || characters <= (one.heard ?? -1)) return;
      one.heard = characters;
      draw(one);
    },
    // What the house knows of an item, which goes before what was seen here.
    item({ id, role, text, heard, status }) {
      if (role === "user" && text) this.hears(id, text, text.length, status !== "open");
      if (role !== "assistant" || !(text || kept.has(id))) return;
      const one = line(id, "ours");
      if (status === "open") return;
      one.words = text || one.words;
      one.lost = status === "interrupted";
      one.heard = heard ?? null;
      if (!one.words) this.drops(id);
      else draw(one);
    },
    interrupted(item, heard) {
      const one = kept.get(item);
      if (!one) return;
      one.lost = true;
      one.heard = heard.length;
      draw(one);
    },
    all(item) {
      const one = kept.get(item);
      if (one && !one.lost) { one.heard = null; draw(one); }
    },
    drops(item) {
      kept.get(item)?.node.remove();
      kept.delete(item);
      nothing.hidden = box.children.length > 1;
    },
    note(text, kind) { return put(part("p", `vf-aside ${kind || ""}`, text)); },
    under(item, node) {
      const above = kept.get(item)?.node;
      if (above) keep(() => above.after(node));
      else put(node);
    },
    text: (item) => kept.get(item)?.words ?? "",
    clear() {
      kept.clear();
      box.replaceChildren(nothing);
      nothing.hidden = false;
    },
  };
}
