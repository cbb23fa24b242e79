// What is looked at, in the page's address, so that a link shows it to somebody else. The browser alone reads and
// writes these parameters: a zoom asks nothing of the server. What is folded is not among them: `span` opens its row.

const LINK_MS = 300; // after the last change: browsers refuse hundreds of changes of an address
const LINKED = ["axis", "only", "path", "queue", "rows", "window"];

// One run's page; between two runs the address changes before the timeline does.
function linkedRun(query) {
  return [location.pathname, query.get("workflow_id"), query.get("run_id")].join("\n");
}

function linkFrom(view) {
  const { state, axis } = view;
  const [from, to] = [axis.t(state.v0), axis.t(state.v1)].map((t) => Math.max(0, t).toFixed(3));
  return {
    axis: state.mode === "wall" ? "" : state.mode, only: state.retriedOnly ? "retried" : "",
    path: state.critical ? "" : "off", queue: state.hideQueue ? "hidden" : "", rows: state.filter,
    window: view.isFit() ? "" : `${from}-${to}`,
  };
}

// Before the first drawing of a run: what its link says, or the defaults.
function readLink(view) {
  const query = new URLSearchParams(location.search), { state } = view;
  view.linked = linkedRun(query);
  state.mode = ["compressed", "busy"].find((mode) => mode === query.get("axis")) ?? "wall";
  state.retriedOnly = query.get("only") === "retried";
  state.critical = query.get("path") !== "off";
  state.hideQueue = query.get("queue") === "hidden";
  state.filter = view.filterInput.value = query.get("rows") ?? "";
}

// Once the axis is there. A window that is none, of another run or made up, shows the whole run.
function readWindow(view) {
  const { state, axis, model } = view;
  const found = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(new URLSearchParams(location.search).get("window") ?? "");
  if (!found) return;
  const [from, to] = [Number(found[1]), Math.min(Number(found[2]), model.end * 1.02)];
  if (from < to) [state.v0, state.v1] = [axis.u(from), axis.u(to)];
}

function writeLink(view) {
  clearTimeout(view.linking);
  view.linking = setTimeout(() => {
    const query = new URLSearchParams(location.search);
    if (linkedRun(query) !== view.linked) return;
    const said = linkFrom(view);
    if (LINKED.every((name) => (query.get(name) ?? "") === said[name])) return;
    for (const name of LINKED) if (said[name]) query.set(name, said[name]); else query.delete(name);
    history.replaceState(history.state, "", `${location.pathname}?${query}${location.hash}`);
  }, LINK_MS);
}
