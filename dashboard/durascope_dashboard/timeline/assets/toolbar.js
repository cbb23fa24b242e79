// Buttons, filter, legend, help. Built with DOM calls and textContent only: no name in a run can become markup.

function element(tag, className, text) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  if (text !== undefined) found.textContent = text;
  return found;
}

const LEGEND = [["model", "Model"], ["tool", "Tool"], ["activity", "Activity"], ["error", "Failed"],
  ["timeout", "Timed out, lost"], ["queue", "Queue wait"], ["backoff", "Backoff"], ["running", "Running"],
  ["wait", "External wait"], ["handoff", "Handoff"], ["estimated", "Estimated"], ["critical", "Critical path"]];

const KEYS = [["↑ ↓", "row"], ["← →", "fold, unfold"], ["Enter", "select; again, or a click on ×N: one line an attempt"],
  ["+ −", "zoom"], ["Shift ← →", "pan"], ["F", "fit"], ["N", "select the next failure"], ["A", "fold or unfold all"],
  ["Q", "hide the first queue wait"], ["W", "wall, compressed, busy"], ["R", "retried only"], ["P", "critical path"],
  ["/", "filter"], ["Ctrl + wheel, drag", "zoom, pan"], ["?", "this help"]];

function buildToolbar(view, act) {
  const bar = element("div", "bar");
  const button = (name, label, title, run) => {
    const found = element("button", "", label);
    found.type = "button";
    found.title = title;
    found.setAttribute("aria-label", title);
    found.dataset.act = name;
    found.addEventListener("click", () => { run(); view.canvas.focus({ preventScroll: true }); });
    bar.append(found);
    return found;
  };
  button("fit", "Fit", "Fit the whole run (F)", act.fit);
  button("in", "+", "Zoom in (+)", () => act.zoom(0.6));
  button("out", "−", "Zoom out (−)", () => act.zoom(1 / 0.6));
  button("collapse", "Collapse", "Fold all (A)", act.collapse);
  button("expand", "Expand", "Unfold all (A)", act.expand);
  button("next", "Next failure", "Next failure (N)", act.nextFailure);
  view.retriedButton = button("retried", "Retried only", "Only what was retried or failed (R)", act.retried);
  view.criticalButton = button("critical", "Critical path", "Underline the critical path (P)", act.critical);
  const filter = element("input", "filter");
  filter.type = "search";
  filter.placeholder = "Filter rows  /";
  filter.setAttribute("aria-label", "Filter rows by name, agent, kind or status");
  filter.addEventListener("input", () => act.filter(filter.value));
  bar.append(filter);
  view.filterInput = filter;
  view.modeButtons = ["wall", "compressed", "busy"].map((mode) =>
    button(mode, mode, { wall: "Real time (W)", compressed: "Long idle gaps shortened (W)", busy: "Only time in which something ran (W)" }[mode],
      () => act.mode(mode)));
  button("help", "?", "Keys (?)", act.help);
  return bar;
}

function buildLegend() {
  const legend = element("div", "legend");
  for (const [kind, label] of LEGEND) {
    const item = element("span", "key");
    item.dataset.kind = kind;
    item.append(element("i", "swatch " + kind), element("span", "", label));
    legend.append(item);
  }
  return legend;
}

// Which keys of the legend a run needs; what it once had stays, so that nothing moves while it grows.
const KEY_OF = { lost: "timeout", lane_timeout: "timeout", lane_error: "error", lane_model: "model", lane_tool: "tool",
  lane_activity: "activity", mcp: "tool", local_activity: "activity", child: "activity", nexus: "activity" };

function showLegend(view) {
  const { model, seen } = view;
  const kinds = [...new Set(model.sKind)].map((code) => SEGMENT_KINDS[code]).concat(model.kind);
  for (const kind of kinds) seen.add(KEY_OF[kind] ?? kind);
  if (model.sEstimated.some(Boolean)) seen.add("estimated");
  if (model.critical.some(Boolean)) seen.add("critical");
  for (const item of view.legend.children) item.hidden = !seen.has(item.dataset.kind);
}

function buildHelp() {
  const help = element("div", "help");
  help.hidden = true;
  help.setAttribute("role", "dialog");
  help.setAttribute("aria-label", "Keys of the timeline");
  for (const [keys, what] of KEYS) help.append(element("kbd", "", keys), element("span", "", what));
  return help;
}

function fillTip(tip, view, row, s) {
  const lines = s >= 0 ? segmentLines(view, s) : rowLines(view, row);
  tip.replaceChildren(element("b", "", view.model.name[row]), ...lines.map((text) => element("div", "", text)));
}

function segmentLines(view, s) {
  const { model } = view;
  const which = model.sAttempt[s] && SEGMENT_KINDS[model.sKind[s]] !== "estimated" ? `attempt ${model.sAttempt[s]}: ` : "";
  const tok = tokensText(model.sIn[s], model.sOut[s]);
  return [
    `${which}${segmentWords(model, s)} · ${duration(model.sEnd[s] - model.sStart[s])}`, model.sError[s],
    tok && `${tok} (input→output)`, model.sEstimated[s] ? "estimated from history" : "", sinceStart(view, model.sStart[s]),
  ].filter(Boolean);
}

function rowLines(view, row) {
  const { model } = view;
  const inside = model.until[row] > row + 1 || model.hidden[row] ? " inside" : "";
  const length = model.stop[row] > model.start[row] ? ` · ${duration(model.stop[row] - model.start[row])}` : "";
  const tok = tokensText(model.tokensIn[row], model.tokensOut[row]);
  return [
    `${kindWords(model, row)}${model.status[row] === "ok" ? "" : `, ${statusWords(model, row)}`}${length}`,
    model.failures[row] ? `${many(model.failures[row], "failed attempt")}${inside}` : "",
    tok && `${tok} (input→output, billed)`, sinceStart(view, model.start[row]),
  ].filter(Boolean);
}

function sinceStart(view, ms) {
  return `+${duration(ms)} · ${view.absolute(ms)}`;
}
