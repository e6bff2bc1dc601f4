// Which words of an answer have reached the ear: pieces of text begin at positions of the audio, and the player tells
// how far it is. Inside a piece the text is taken to flow evenly, and is rounded down to whole words; what the house
// tells at the end of a turn goes before this.
function earOf(heard) {
  const USUAL = 14 / SPOKEN_RATE;
  let pieces = [];
  let pace = USUAL;

  function learn(piece) {
    const samples = piece.until - piece.position;
    if (samples > SPOKEN_RATE / 2) pace = (piece.end - piece.start) / samples;
  }

  function words(text, from, to) {
    if (to >= text.length) return text.length;
    const space = text.lastIndexOf(" ", to);
    return Math.max(from, space);
  }

  return {
    // A piece begins, so the one before it has ended.
    speaking({ item, start, end, position }) {
      this.until(position);
      pieces.push({ item, start, end, position, until: null });
      if (pieces.length > 50) pieces.shift();
    },
    until(position) {
      const last = pieces.at(-1);
      if (!last || last.until !== null) return;
      last.until = position;
      learn(last);
    },
    played(position, textOf) {
      const piece = pieces.findLast((one) => one.position <= position);
      if (!piece) return;
      const gone = position - piece.position;
      const over = piece.until !== null && position >= piece.until;
      const share = piece.until !== null ? gone / Math.max(1, piece.until - piece.position) * (piece.end - piece.start) : gone * pace;
      const text = textOf(piece.item).slice(0, piece.end);
      const at = over ? piece.end : Math.min(piece.start + Math.floor(share), piece.end - 1);
      heard(piece.item, over ? piece.end : words(text, piece.start, at));
    },
    clear() { pieces = []; },
  };
}
