// What a person reads or hears of rows and segments: never the payload's own names for them.

const SEGMENT_WORDS = {
  queue: "queue wait", ok: "done", error: "failed", timeout: "timed out", lost: "lost, its worker never answered",
  cancelled: "cancelled", running: "running", estimated: "attempts known only by number, times unknown", wait: "wait",
};
const KIND_WORDS = { mcp: "MCP call", child: "child workflow", custom: "custom span", span: "custom span",
  human_wait: "wait for somebody outside", workflow_task_failure: "failed workflow task", group: "rows together" };
const STATUS_WORDS = { error: "failed", timeout: "timed out", pending: "not begun" };

function segmentWords(model, s) {
  const kind = SEGMENT_KINDS[model.sKind[s]];
  if (kind === "backoff") return model.sBy[s] === "server" ? "backoff, asked by the server (Retry-After)" : "backoff, by the retry policy";
  return SEGMENT_WORDS[kind] ?? kindWords(model, model.sRow[s]);
}

function kindWords(model, row) {
  return KIND_WORDS[model.kind[row]] ?? model.kind[row].replaceAll("_", " ");
}

function statusWords(model, row) {
  return STATUS_WORDS[model.status[row]] ?? model.status[row].replaceAll("_", " ");
}

function many(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 0) return "−" + duration(-ms);
  if (ms < 1) return ms === 0 ? "0 ms" : "<1 ms";
  if (ms < 999.5) return Math.round(ms) + " ms";
  const s = ms / 1000;
  if (s < 59.95) return s < 9.995 ? s.toFixed(2) + " s" : s.toFixed(1) + " s";
  const total = Math.round(s), m = Math.floor(total / 60), two = (v) => String(v).padStart(2, "0");
  if (m < 60) return `${m} m ${two(total % 60)} s`;
  const h = Math.floor(m / 60);
  return h < 24 ? `${h} h ${two(m % 60)} m` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

function compact(value) {
  if (!Number.isFinite(value)) return "?";
  if (value < 1000) return String(Math.round(value));
  return value < 999950 ? (value / 1000).toFixed(1) + "k" : (value / 1e6).toFixed(1) + "M";
}

function tokensText(input, output) {
  return Number.isFinite(input) || Number.isFinite(output) ? `${compact(input)}→${compact(output)} tok` : "";
}
