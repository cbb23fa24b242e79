// What is inside a row that is folded here: the same lanes as folding.py makes of what it leaves out. Rows stand in the
// order of the tree, so segments of parallel branches are in no order of time.

const LANE_OF_FAILED = { error: "lane_error", timeout: "lane_timeout", lost: "lane_timeout" };
const LANE_OF_ROW = { model: "lane_model", tool: "lane_tool", mcp: "lane_tool" };

function laneOf(model, s) {
  const kind = SEGMENT_KINDS[model.sKind[s]];
  if (LANES.has(model.sKind[s])) return kind;
  return LANE_OF_FAILED[kind] ?? LANE_OF_ROW[model.kind[model.sRow[s]]] ?? "lane_activity";
}

// -> {lane: [[start, end], ...]} of a row and all below it, by start; kept, since a run is painted often.
function laneSpans(model, row) {
  const kept = (model.lanes ??= new Map());
  if (kept.has(row)) return kept.get(row);
  const ran = {};
  for (let s = model.first[row]; s < model.first[model.until[row]]; s++) {
    if (ACTIVE.has(model.sKind[s])) (ran[laneOf(model, s)] ??= []).push([model.sStart[s], model.sEnd[s]]);
  }
  for (const spans of Object.values(ran)) spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  kept.set(row, ran);
  return ran;
}

// Spans nearer to each other than `gap` become one.
function mergedSpans(spans, gap) {
  const found = [];
  for (const [start, end] of spans) {
    const last = found[found.length - 1];
    if (last && start <= last[1] + gap) last[1] = Math.max(last[1], end);
    else found.push([start, end]);
  }
  return found;
}
