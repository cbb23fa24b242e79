// Above a few thousand segments Python sends a base once and then only what differs from it. The base comes through an
// instance of the component of its own, which draws nothing; who needs it may have to wait for it.

const bases = ((globalThis.durascopeTimelines ??= { bases: new Map(), waiting: new Map() })).bases;
const waiting = globalThis.durascopeTimelines.waiting;
const BASES_KEPT = 4;

function defineBase(name, rows, segments) {
  if (bases.has(name)) return;
  bases.set(name, readColumns(rows, segments));
  for (const old of [...bases.keys()].slice(0, -BASES_KEPT)) bases.delete(old);
  for (const again of waiting.get(name) ?? []) again();
  waiting.delete(name);
}

function awaitBase(name, again) {
  if (!waiting.has(name)) waiting.set(name, new Set());
  waiting.get(name).add(again);
}

// Rows of the delta stand at their `at`; the base's other rows fill the places between, in their order.
function merged(base, delta, count) {
  const changed = new Set(delta.id), from = new Int32Array(count).fill(-1), place = new Map();
  for (let d = 0; d < delta.id.length; d++) from[delta.at[d]] = -2 - d;
  let at = 0;
  for (let b = 0; b < base.id.length; b++) {
    if (changed.has(base.id[b])) continue;
    while (at < count && from[at] !== -1) at++;
    from[at] = b;
  }
  const pick = (name, i) => (from[i] >= 0 ? base[name][from[i]] : delta[name][-2 - from[i]]);
  const found = {};
  for (const name of ROW_COLUMNS) {
    found[name] = Array.isArray(base[name]) ? new Array(count) : new base[name].constructor(count);
    for (let i = 0; i < count; i++) found[name][i] = pick(name, i);
  }
  found.id.forEach((id, i) => place.set(id, i));
  for (let i = 0; i < count; i++) {
    if (from[i] >= 0 && found.parent[i] >= 0) found.parent[i] = place.get(base.id[base.parent[from[i]]]);
  }
  return Object.assign(found, mergedSegments(base, delta, from));
}

function mergedSegments(base, delta, from) {
  const sides = [ranged(base), ranged(delta)], which = [], index = [], row = [];
  for (let i = 0; i < from.length; i++) {
    const side = from[i] >= 0 ? 0 : 1, own = side ? -2 - from[i] : from[i];
    for (let s = sides[side][own]; s < sides[side][own + 1]; s++) { which.push(side); index.push(s); row.push(i); }
  }
  const found = { sRow: Int32Array.from(row) }, of = [base, delta];
  for (const name of SEGMENT_COLUMNS) {
    found[name] = Array.isArray(base[name]) ? new Array(row.length) : new base[name].constructor(row.length);
    for (let s = 0; s < row.length; s++) found[name][s] = of[which[s]][name][index[s]];
  }
  return found;
}
