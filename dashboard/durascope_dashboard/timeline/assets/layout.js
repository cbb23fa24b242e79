// Which rows are on the page: the tree with what is folded away, filtered, or unfolded to one line an attempt.

const START_COLLAPSED = 400;

function startCollapsed(model) {
  const folded = new Set();
  if (model.n <= START_COLLAPSED) return folded;
  const turns = model.kind.includes("turn");
  for (let i = 1; i < model.n; i++) {
    const kind = model.kind[i], shut = kind === "turn" || kind === "group" || (!turns && kind !== "agent");
    if (shut && model.below[i] && !model.hidden[i]) folded.add(model.id[i]);
  }
  return folded;
}

function matches(model, state) {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length && !state.retriedOnly) return null;
  const keep = new Uint8Array(model.n);
  for (let i = model.n - 1; i >= 0; i--) {
    const text = `${model.name[i]} ${model.kind[i]} ${model.agent[i]} ${model.status[i]}`.toLowerCase();
    const fits = words.every((word) => text.includes(word));
    if (fits && (!state.retriedOnly || model.attempts[i] > 1 || model.own[i])) keep[i] = 1;
    if (keep[i] && model.parent[i] >= 0) keep[model.parent[i]] = 1;
  }
  return keep;
}

// -> lines [{row, attempt}]; attempt 0 is the operation itself.
function visibleLines(model, state) {
  const keep = matches(model, state);
  const lines = [];
  for (let i = 0; i < model.n; ) {
    if (keep && !keep[i]) { i++; continue; }
    lines.push({ row: i, attempt: 0 });
    if (state.unfolded.has(model.id[i]) && model.attempts[i] > 1) {
      for (let a = 1; a <= model.attempts[i]; a++) lines.push({ row: i, attempt: a });
    }
    // A filter looks into folded rows too, else it would find nothing in a long run.
    i = !keep && state.folded.has(model.id[i]) ? model.until[i] : i + 1;
  }
  return lines;
}

function isFolded(model, state, row) {
  return model.hidden[row] > 0 || model.below[row] > 0 && state.folded.has(model.id[row]) && !state.filter && !state.retriedOnly;
}

function reveal(model, state, row) {
  for (let p = model.parent[row]; p >= 0; p = model.parent[p]) state.folded.delete(model.id[p]);
}
