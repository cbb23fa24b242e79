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

const KEYS = [["↑ ↓", "row"], ["← →", "fold, unfold"], ["Enter", "select; again: one line an attempt"],
  ["+ −", "zoom"], ["Shift ← →", "pan"], ["F", "fit"], ["N", "next failure"], ["A", "fold or unfold all"],
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
    item.append(element("i", "swatch " + kind), element("span", "", label));
    legend.append(item);
  }
  return legend;
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
  const { model } = view;
  const lines = [];
  if (s >= 0) {
    const kind = SEGMENT_KINDS[model.sKind[s]];
    const what = kind === "backoff" ? (model.sBy[s] === "server" ? "backoff, asked by the server (Retry-After)" : "backoff, by the retry policy")
      : kind === "queue" ? "queue wait" : kind === "estimated" ? "attempts known only by number, times unknown" : kind;
    const which = model.sAttempt[s] ? `attempt ${model.sAttempt[s]}: ` : "";
    lines.push(`${which}${what} · ${duration(model.sEnd[s] - model.sStart[s])}`);
    if (model.sError[s]) lines.push(model.sError[s]);
    const tok = tokensText(model.sIn[s], model.sOut[s]);
    if (tok) lines.push(`${tok} (input→output)`);
    if (model.sEstimated[s]) lines.push("estimated from history");
    lines.push(`+${duration(model.sStart[s])} · ${view.absolute(model.sStart[s])}`);
  } else {
    lines.push(`${model.kind[row].replace("_", " ")} · ${duration(model.stop[row] - model.start[row])}`);
    if (model.failures[row]) lines.push(`${model.failures[row]} failed attempts inside`);
    const tok = tokensText(model.tokensIn[row], model.tokensOut[row]);
    if (tok) lines.push(`${tok} (input→output, billed)`);
    lines.push(`+${duration(model.start[row])} · ${view.absolute(model.start[row])}`);
  }
  tip.replaceChildren(element("b", "", model.name[row]), ...lines.map((text) => element("div", "", text)));
}
