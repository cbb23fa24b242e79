// What Python sent, as arrays. Rows are in reading order, so a row's subtree and its segments are both ranges.

const SEGMENT_KINDS = ["queue", "ok", "error", "timeout", "lost", "cancelled", "running", "backoff", "estimated",
  "wait", "marker", "bracket", "lane_model", "lane_tool", "lane_activity", "lane_error", "lane_timeout"];
const K = Object.fromEntries(SEGMENT_KINDS.map((name, code) => [name, code]));
const FAILED = new Set([K.error, K.timeout, K.lost]);
const WHOLE = new Set([K.bracket, K.marker]); // stand for their row: there is no more to say of them
// What is left out below a shut row travels as lanes on the row itself.
const LANES = new Set([K.lane_model, K.lane_tool, K.lane_activity, K.lane_error, K.lane_timeout]);
const ACTIVE = new Set([K.ok, K.error, K.timeout, K.lost, K.cancelled, K.running, ...LANES]);

function numbers(table, name) {
  return table.getChild(name).toArray();
}

function strings(table, name) {
  const column = table.getChild(name);
  const found = new Array(table.numRows);
  for (let i = 0; i < found.length; i++) found[i] = column.get(i) ?? "";
  return found;
}

const ROW_COLUMNS = ["id", "parent", "depth", "kind", "name", "start", "stop", "status", "attempts", "tokensIn",
  "tokensOut", "cost", "agent", "critical", "below", "hidden", "failed"];
const SEGMENT_COLUMNS = ["sStart", "sEnd", "sAttempt", "sError", "sBy", "sIn", "sOut", "sEstimated", "sKind"];

function readColumns(rows, segments) {
  return {
    id: strings(rows, "id"), parent: numbers(rows, "parent"), depth: numbers(rows, "depth"),
    kind: strings(rows, "kind"), name: strings(rows, "name"), start: numbers(rows, "start"), stop: numbers(rows, "end"),
    status: strings(rows, "status"), attempts: numbers(rows, "attempts"), tokensIn: numbers(rows, "tokens_in"),
    tokensOut: numbers(rows, "tokens_out"), cost: numbers(rows, "cost"), agent: strings(rows, "agent"),
    critical: numbers(rows, "critical"), below: numbers(rows, "below"), hidden: numbers(rows, "hidden"),
    failed: numbers(rows, "failed"), at: numbers(rows, "at"),
    sRow: numbers(segments, "row"), sStart: numbers(segments, "start"), sEnd: numbers(segments, "end"),
    sAttempt: numbers(segments, "attempt"), sError: strings(segments, "error"), sBy: strings(segments, "by"),
    sIn: numbers(segments, "tokens_in"), sOut: numbers(segments, "tokens_out"),
    sEstimated: numbers(segments, "estimated"),
    sKind: Uint8Array.from(strings(segments, "kind"), (name) => K[name] ?? K.running),
  };
}

// -> the model, or null if the base that it stands on has not come yet.
function readModel(data) {
  const { meta } = data;
  const base = meta.base ? bases.get(meta.base) : null;
  if (meta.base && !base) return null;
  const own = readColumns(data.rows, data.segments);
  const columns = base ? (own.id.length ? merged(base, own, meta.count) : base) : own;
  const model = { ...columns, n: columns.id.length, count: columns.sRow.length, end: Math.max(meta.end, 1),
    open: meta.now != null, now: meta.now ?? Math.max(meta.end, 1), meta, index: new Map() };
  model.id.forEach((id, i) => model.index.set(id, i));
  model.alike = alike(model.name);
  ranges(model);
  return model;
}

// -> where each row's segments begin; one more at the end.
function ranged({ id, sRow }) {
  const first = new Int32Array(id.length + 1).fill(sRow.length);
  for (let s = sRow.length - 1; s >= 0; s--) first[sRow[s]] = s;
  for (let i = id.length - 1; i >= 0; i--) if (first[i] > first[i + 1]) first[i] = first[i + 1];
  return first;
}

const HEAD_LETTERS = 8;

// -> the beginnings that several different names of this run share.
function alike(names) {
  const first = new Map(), found = new Set();
  for (const name of names) {
    const head = name.slice(0, HEAD_LETTERS);
    if ((first.get(head) ?? name) !== name) found.add(head);
    first.set(head, name);
  }
  return found;
}

function ranges(model) {
  const { n } = model;
  const first = (model.first = ranged(model));
  const until = (model.until = new Int32Array(n)); // end of the subtree, exclusive
  const failures = (model.failures = Int32Array.from(model.failed)); // in the whole subtree
  const own = (model.own = Int32Array.from(model.failed)); // on the row itself, and in what was left out below it
  for (let i = n - 1; i >= 0; i--) {
    until[i] = Math.max(until[i], i + 1);
    for (let s = first[i]; s < first[i + 1]; s++) {
      if (FAILED.has(model.sKind[s])) { own[i]++; failures[i]++; }
    }
    const p = model.parent[i];
    if (p >= 0) {
      until[p] = Math.max(until[p], until[i]);
      failures[p] += failures[i];
    }
  }
}
