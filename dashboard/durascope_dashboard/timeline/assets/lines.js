// One line of the timeline: its ground; then, over the grid, its bars and the gutter with tree, shape, name, attempts
// and duration.

function lineGround(view, { row }, number) {
  const { model, colors, state } = view;
  return model.id[row] === state.selected ? colors.select : number % 2 ? colors.panel : colors.ground;
}

function drawGround(view, line, y, number) {
  view.g.fillStyle = lineGround(view, line, number);
  view.g.fillRect(0, y, view.width, ROW);
}

function drawLine(view, line, y, number) {
  const { g, model, colors, state } = view;
  view.rowGround = lineGround(view, line, number);
  drawBars(view, line, y);
  g.fillStyle = view.rowGround;
  g.fillRect(0, y, view.left - 1, ROW);
  if (line.attempt) drawAttemptGutter(view, line, y);
  else drawGutter(view, line.row, y);
  if (number === state.cursor && view.focused) {
    g.strokeStyle = colors.accent;
    g.lineWidth = 1.5;
    g.strokeRect(1, y + 1, view.width - 2, ROW - 2);
  } else if (number === view.hover || model.id[line.row] === state.selected) {
    g.fillStyle = colors.accent;
    g.fillRect(0, y, 3, ROW);
  }
}

function drawGutter(view, row, y) {
  const { g, model, colors, state } = view;
  const mid = y + ROW / 2, indent = 10 + Math.min(model.depth[row], 9) * 14;
  g.fillStyle = colors.muted;
  if (model.below[row]) drawTriangle(g, indent, mid, isFolded(model, state, row));
  drawGlyph(view, row, indent + 14, mid);
  const right = view.left - 10;
  g.font = SMALL;
  g.fillStyle = colors.muted;
  const time = duration(model.stop[row] - model.start[row]);
  g.textAlign = "right";
  g.fillText(time, right, mid + 4);
  g.textAlign = "left";
  const pillEnd = right - 62;
  const pill = model.attempts[row] > 1 ? `×${model.attempts[row]}`
    : isFolded(model, state, row) && model.failures[row] ? `✕${model.failures[row]}` : "";
  let nameEnd = pillEnd;
  if (pill) nameEnd = drawPill(view, pill, pillEnd, mid, model.failures[row] > 0) - 6;
  if (model.attempts[row] > 1) drawTriangle(g, nameEnd + 14, mid, !state.unfolded.has(model.id[row]));
  g.font = model.below[row] ? BOLD : FONT;
  g.fillStyle = colors.text;
  const middle = model.alike.has(model.name[row].slice(0, HEAD_LETTERS));
  g.fillText(clipped(g, model.name[row], nameEnd - indent - 26, middle), indent + 26, mid + 4);
}

// It points to what is shut, and down to what is open.
function drawTriangle(g, x, mid, shut) {
  g.beginPath();
  if (shut) { g.moveTo(x - 2, mid - 4); g.lineTo(x + 4, mid); g.lineTo(x - 2, mid + 4); }
  else { g.moveTo(x - 4, mid - 2); g.lineTo(x + 4, mid - 2); g.lineTo(x, mid + 4); }
  g.fill();
}

// An outlined word; a number of attempts has room for its triangle.
function drawPill(view, text, right, mid, bad) {
  const { g, colors } = view;
  const width = pillWidth(g, text);
  g.strokeStyle = g.fillStyle = bad ? colors.bad : colors.muted;
  g.lineWidth = 1.2;
  box(g, right - width, mid - 7.5, width, 15, 7.5);
  g.stroke();
  g.textAlign = "right";
  g.fillText(text, right - 6, mid + 4);
  g.textAlign = "left";
  return right - width;
}

function pillWidth(g, text) {
  g.font = "600 " + SMALL;
  return g.measureText(text).width + (text.startsWith("×") ? 24 : 12);
}

// Where the pill of a row's attempts is: it opens them.
function onPill(view, row, x) {
  const right = view.left - 72, tries = view.model.attempts[row];
  return tries > 1 && x <= right && x >= right - pillWidth(view.g, `×${tries}`);
}

function drawAttemptGutter(view, { row, attempt }, y) {
  const { g, model, colors } = view;
  const mid = y + ROW / 2, indent = 10 + Math.min(model.depth[row] + 1, 10) * 14 + 16;
  const s = attemptSegment(model, row, attempt);
  g.font = SMALL;
  g.fillStyle = colors.muted;
  const state = s < 0 ? "times unknown" : segmentWords(model, s);
  const error = s >= 0 && model.sError[s] ? ` · ${model.sError[s]}` : "";
  g.textAlign = "right";
  if (s >= 0) g.fillText(duration(model.sEnd[s] - model.sStart[s]), view.left - 10, mid + 4);
  g.textAlign = "left";
  g.fillText(clipped(g, `attempt ${attempt} · ${state}${error}`, view.left - 80 - indent), indent, mid + 4);
}

function attemptSegment(model, row, attempt) {
  for (let s = model.first[row]; s < model.first[row + 1]; s++) {
    if (model.sAttempt[s] === attempt && ACTIVE.has(model.sKind[s])) return s;
  }
  return -1;
}

function drawBars(view, { row, attempt }, y) {
  const { g, model, colors, state } = view;
  if (!attempt && isFolded(model, state, row)) drawLanes(view, row, y);
  else {
    for (let s = model.first[row]; s < model.first[row + 1]; s++) {
      if (!attempt || model.sAttempt[s] === attempt) drawSegment(view, s, y);
    }
  }
  if (attempt) return;
  const x0 = view.x(model.start[row]), x1 = view.x(model.stop[row]);
  if (state.critical && model.critical[row]) {
    g.fillStyle = colors.critical;
    g.fillRect(Math.max(x0, view.left), y + ROW - 4, Math.max(Math.min(x1, view.width) - Math.max(x0, view.left), 2), 2);
  }
  g.font = SMALL;
  if (x1 < view.left - 0.5) drawEdge(view, view.left + 9, y, -1);
  else if (x0 > view.width) drawEdge(view, view.width - 9, y, 1);
  else if (model.depth[row] && x1 + 60 < view.width && !isToCome(model, row)) {
    g.fillStyle = colors.muted;
    const tail = model.kind[row] === "handoff" ? 10 : 6;
    g.fillText(duration(model.stop[row] - model.start[row]), Math.max(x1, view.left) + tail, y + ROW / 2 + 4);
  }
}

// Whether something of the row lies beyond "now": a retry that is due.
function isToCome(model, row) {
  return model.open && model.first[row + 1] > model.first[row] && model.sEnd[model.first[row + 1] - 1] > model.now;
}

function drawEdge(view, x, y, side) {
  const { g, colors } = view;
  view.edges++;
  g.fillStyle = colors.muted;
  g.beginPath();
  g.moveTo(x + side * 4, y + ROW / 2);
  g.lineTo(x - side * 3, y + ROW / 2 - 4);
  g.lineTo(x - side * 3, y + ROW / 2 + 4);
  g.fill();
}
