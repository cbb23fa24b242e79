// What a person can do: buttons and keys share `actions`; mouse and wheel are below.

function actions(view) {
  const { state } = view;
  const again = () => { view.layout(); view.intoView(); view.paint(); };
  const found = {
    fit: () => { view.fit(); view.paint(); },
    zoom: (factor, at = (state.v0 + state.v1) / 2) => {
      const limit = view.axis.total * 1.02, least = Math.min(1, limit);
      const width = Math.min(Math.max((state.v1 - state.v0) * factor, least), limit);
      const part = (at - state.v0) / (state.v1 - state.v0);
      state.v0 = Math.max(0, Math.min(at - width * part, limit - width));
      state.v1 = state.v0 + width;
      view.paint();
    },
    pan: (part) => {
      const width = state.v1 - state.v0, limit = view.axis.total * 1.02;
      state.v0 = Math.max(0, Math.min(state.v0 + width * part, Math.max(limit - width, 0)));
      state.v1 = state.v0 + width;
      view.paint();
    },
    collapse: () => { foldAll(view); again(); },
    expand: () => { state.folded.clear(); again(); },
    toggleAll: () => { if (state.folded.size) state.folded.clear(); else foldAll(view); again(); },
    nextFailure: () => nextFailure(view),
    retried: () => { state.retriedOnly = !state.retriedOnly; again(); },
    critical: () => { state.critical = !state.critical; view.paint(); },
    filter: (text) => { state.filter = text; again(); },
    mode: (mode) => { state.mode = mode; view.makeAxis(true); view.paint(); },
    nextMode: () => view.act.mode({ wall: "compressed", compressed: "busy", busy: "wall" }[state.mode]),
    queue: () => { state.hideQueue = !state.hideQueue; view.fit(); view.paint(); },
    help: () => { view.help.hidden = !view.help.hidden; },
    move: (by) => {
      state.cursor = Math.min(Math.max(state.cursor + by, 0), view.lines.length - 1);
      view.intoView();
      view.say();
      view.paint();
    },
    fold: (shut) => foldHere(view, shut, again),
    select: () => select(view, again),
    attempts: () => toggleAttempts(view, again),
  };
  for (const [name, run] of Object.entries(found)) found[name] = (...given) => { view.leave(); run(...given); };
  return found;
}

function foldAll(view) {
  const { model, state } = view;
  for (let i = 1; i < model.n; i++) if (model.below[i] && !model.hidden[i]) state.folded.add(model.id[i]);
}

function foldHere(view, shut, again) {
  const { model, state } = view;
  const line = view.lines[state.cursor];
  if (!line) return;
  const id = model.id[line.row];
  if (!shut && model.hidden[line.row]) view.tell("opened", id);
  else if (shut) {
    if (state.unfolded.delete(id)) state.cursor = view.lines.findIndex((l) => l.row === line.row);
    else if (model.below[line.row] && !state.folded.has(id)) state.folded.add(id);
    else if (model.parent[line.row] >= 0) state.cursor = view.lines.findIndex((l) => l.row === model.parent[line.row]);
  } else if (!state.folded.delete(id) && model.attempts[line.row] > 1) state.unfolded.add(id);
  again();
}

function select(view, again) {
  const { model, state } = view;
  const line = view.lines[state.cursor];
  if (!line) return;
  const id = model.id[line.row];
  if (state.selected !== id) choose(view, id);
  else if (model.attempts[line.row] > 1) toggleAttempts(view, again);
}

function choose(view, id) {
  view.state.selected = id;
  view.tell("selected", id);
  view.say();
  view.paint();
}

function toggleAttempts(view, again) {
  const { model, state } = view, { row } = view.lines[state.cursor], id = model.id[row];
  if (!state.unfolded.delete(id)) state.unfolded.add(id);
  state.cursor = view.lines.findIndex((line) => line.row === row);
  again();
}

function nextFailure(view) {
  const { model, state } = view;
  const now = view.lines[state.cursor]?.row ?? -1;
  const keep = matches(model, state), failing = [];
  for (let i = 0; i < model.n; i++) if (model.own[i] && (!keep || keep[i])) failing.push(i);
  if (!failing.length) {
    view.notice = view.live.textContent = keep ? "No failure in the rows shown" : "No failure in this run";
    return view.paint();
  }
  const row = failing.find((i) => i > now) ?? failing[0];
  reveal(model, state, row);
  view.layout();
  state.cursor = view.lines.findIndex((line) => line.row === row && !line.attempt);
  const [u0, u1] = [view.axis.u(model.start[row]), view.axis.u(model.stop[row])];
  if (u1 < state.v0 || u0 > state.v1) {
    const width = state.v1 - state.v0;
    state.v0 = Math.max(0, u0 - width * 0.2);
    state.v1 = state.v0 + width;
  }
  view.intoView();
  return choose(view, model.id[row]);
}

const KEYMAP = {
  ArrowUp: (a) => a.move(-1), ArrowDown: (a) => a.move(1), PageUp: (a) => a.move(-20), PageDown: (a) => a.move(20),
  Home: (a) => a.move(-1e9), End: (a) => a.move(1e9), ArrowLeft: (a, e) => (e.shiftKey ? a.pan(-0.2) : a.fold(true)),
  ArrowRight: (a, e) => (e.shiftKey ? a.pan(0.2) : a.fold(false)), Enter: (a) => a.select(), " ": (a) => a.select(),
  "+": (a) => a.zoom(0.6), "=": (a) => a.zoom(0.6), "-": (a) => a.zoom(1 / 0.6), f: (a) => a.fit(),
  n: (a) => a.nextFailure(), a: (a) => a.toggleAll(), q: (a) => a.queue(), w: (a) => a.nextMode(),
  r: (a) => a.retried(), p: (a) => a.critical(), "?": (a) => a.help(),
};

function listen(view) {
  const { canvas, scroll, state, act } = view;
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !view.model) return;
    view.leave();
    if (event.key === "Escape") view.help.hidden = true;
    const run = KEYMAP[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (event.key === "/") view.filterInput.focus();
    else if (run) run(act, event);
    else return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has keys of its own (r, c)
  });
  view.filterInput.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Enter") canvas.focus();
  });
  canvas.addEventListener("focus", () => { view.focused = true; view.paint(); });
  canvas.addEventListener("blur", () => { view.focused = false; view.paint(); });
  scroll.addEventListener("scroll", () => { view.leave(); view.paint(); }, { passive: true });
  canvas.addEventListener("wheel", (event) => wheel(view, event), { passive: false });
  canvas.addEventListener("pointerdown", (event) => press(view, event));
  canvas.addEventListener("pointermove", (event) => hover(view, event));
  canvas.addEventListener("pointerleave", () => { view.leave(); view.paint(); });
  canvas.addEventListener("dblclick", (event) => {
    if (event.offsetX > view.left && event.offsetY > HEAD) act.zoom(0.4, view.time(event.offsetX));
  });
}

function wheel(view, event) {
  if (!view.model) return;
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    view.act.zoom(Math.exp(event.deltaY * 0.002), view.time(Math.max(event.offsetX, view.left)));
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    view.act.pan((event.deltaX || event.deltaY) / (view.width - view.left));
  }
}

function lineAt(view, y) {
  if (y < HEAD) return -1;
  const found = Math.floor((y - HEAD + view.scroll.scrollTop) / ROW);
  return found < view.lines.length ? found : -1;
}

function press(view, event) {
  if (!view.model || event.button) return;
  const { state } = view, x = event.offsetX, y = event.offsetY;
  if (y < MINI) return dragWindow(view, event);
  const number = lineAt(view, y);
  if (x > view.left && (number < 0 || y < HEAD)) return dragPan(view, event, -1);
  if (number < 0) return undefined;
  if (x > view.left) return dragPan(view, event, number);
  state.cursor = number;
  const { row } = view.lines[number];
  const indent = 10 + Math.min(view.model.depth[row], 9) * 14;
  if (view.model.below[row] && Math.abs(x - indent) < 10) {
    const id = view.model.id[row];
    if (view.model.hidden[row]) view.tell("opened", id);
    else if (!state.folded.delete(id)) state.folded.add(id);
    view.layout();
  } else if (onPill(view, row, x) && !view.lines[number].attempt) view.act.attempts();
  else view.act.select();
  view.paint();
  return undefined;
}

function dragPan(view, event, number) {
  const { state, canvas } = view;
  const from = event.offsetX, [v0, v1] = [state.v0, state.v1];
  const scale = (v1 - v0) / (view.width - view.left - 8);
  let moved = false;
  const move = (e) => {
    if (!moved && Math.abs(e.offsetX - from) < 4) return;
    moved = true;
    const limit = Math.max(view.axis.total * 1.02 - (v1 - v0), 0);
    state.v0 = Math.max(0, Math.min(v0 - (e.offsetX - from) * scale, limit));
    state.v1 = state.v0 + v1 - v0;
    view.paint();
  };
  drag(canvas, event, move, () => {
    if (moved || number < 0) return;
    state.cursor = number;
    view.act.select();
    view.paint();
  });
}

function dragWindow(view, event) {
  const { state, canvas, axis } = view;
  const at = (e) => ((e.offsetX - 8) / (view.width - 16)) * axis.total;
  const from = at(event), width = state.v1 - state.v0;
  let moved = false;
  drag(canvas, event, (e) => {
    if (Math.abs(e.offsetX - event.offsetX) < 4 && !moved) return;
    moved = true;
    const [a, b] = [from, at(e)].sort((p, q) => p - q);
    state.v0 = Math.max(0, a);
    state.v1 = Math.min(axis.total * 1.02, Math.max(b, state.v0 + axis.total / 1e5));
    view.paint();
  }, () => {
    if (moved) return;
    state.v0 = Math.max(0, Math.min(from - width / 2, axis.total * 1.02 - width));
    state.v1 = state.v0 + width;
    view.paint();
  });
}

function drag(canvas, event, move, done) {
  canvas.setPointerCapture(event.pointerId);
  const end = () => {
    canvas.removeEventListener("pointermove", move);
    canvas.removeEventListener("pointerup", end);
    canvas.removeEventListener("pointercancel", end);
    done();
  };
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
}

function hover(view, event) {
  if (!view.model) return;
  const number = lineAt(view, event.offsetY);
  if (number !== view.hover) {
    view.hover = number;
    view.paint();
  }
  view.tip.hidden = number < 0 || event.buttons > 0;
  if (view.tip.hidden) return;
  const { row, attempt } = view.lines[number];
  fillTip(view.tip, view, row, event.offsetX > view.left ? segmentAt(view, row, attempt, event.offsetX) : -1);
  const top = view.scroll.offsetTop + event.offsetY;
  view.tip.style.left = `${Math.min(event.offsetX + 14, view.width - 300)}px`;
  const below = Math.min(view.root.clientHeight, window.innerHeight - view.root.getBoundingClientRect().top);
  view.tip.style.top = `${top + 16 + view.tip.offsetHeight > below ? top - view.tip.offsetHeight - 8 : top + 16}px`;
}

function segmentAt(view, row, attempt, x) {
  const { model } = view;
  let found = -1;
  if (!attempt && isFolded(model, view.state, row)) return found;
  for (let s = model.first[row]; s < model.first[row + 1]; s++) {
    if (WHOLE.has(model.sKind[s]) || (attempt && model.sAttempt[s] !== attempt)) continue;
    if (view.x(model.sStart[s]) - 2 <= x && x <= view.x(model.sEnd[s]) + 2) found = s;
  }
  return found;
}
