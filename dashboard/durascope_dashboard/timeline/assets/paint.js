// Drawing. Everything is clipped to the time area; shapes repeat what colours say.

const ROW = 22, BAR = 14, AXIS = 24, MINI = 44;
const FONT = "12px 'Source Sans', 'Source Sans Pro', system-ui, sans-serif";
const BOLD = "600 " + FONT, SMALL = FONT.replace("12px", "11px");

function kindColor(view, row) {
  const kind = view.model.kind[row], c = view.colors;
  if (kind === "model") return c.model;
  if (kind === "tool" || kind === "mcp") return c.tool;
  if (kind === "handoff") return c.handoff;
  if (kind === "human_wait" || kind === "signal" || kind === "update") return c.external_wait;
  if (kind === "timer") return c.timer;
  return c.activity;
}

// White or near-black, whichever is read more easily on a colour.
function inkOn(view, color) {
  const key = "ink" + color;
  if (!view.patterns.has(key)) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    view.patterns.set(key, 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.186 ? "#0B1119" : "#FFFFFF");
  }
  return view.patterns.get(key);
}

function hatch(view, color, angle) {
  const key = color + angle;
  if (!view.patterns.has(key)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const g = tile.getContext("2d");
    g.strokeStyle = color;
    g.lineWidth = 1.2;
    g.beginPath();
    g.moveTo(-1, 7); g.lineTo(7, -1); g.moveTo(-1, 1); g.lineTo(1, -1); g.moveTo(5, 7); g.lineTo(7, 5);
    g.stroke();
    view.patterns.set(key, view.g.createPattern(tile, "repeat"));
  }
  return view.patterns.get(key);
}

function box(g, x, y, w, h, radius) {
  g.beginPath();
  g.roundRect(x, y, w, h, Math.min(radius, w / 2));
}

function drawSegment(view, s, y) {
  const { g, model, colors } = view;
  const kind = model.sKind[s], row = model.sRow[s];
  const x0 = view.x(model.sStart[s]), x1 = view.x(model.sEnd[s]);
  if (x1 < view.left - 10 || x0 > view.width + 10 || LANES.has(kind)) return;
  const x = Math.max(x0, view.left - 4), w = Math.max(Math.min(x1, view.width + 4) - x, 1.5);
  const mid = y + ROW / 2, top = mid - BAR / 2;
  if (kind === K.queue) {
    if (view.state.hideQueue && model.sAttempt[s] <= 1) return;
    g.fillStyle = hatch(view, colors.queue, 45);
    g.fillRect(x, mid - 4, w, 8);
    g.strokeStyle = colors.queue;
    g.lineWidth = 0.6;
    g.strokeRect(x, mid - 4, w, 8);
  } else if (kind === K.backoff) drawBackoff(view, s, x, w, mid);
  else if (kind === K.bracket) drawBracket(view, row, x, w, mid);
  else if (kind === K.marker) drawDiamond(g, x0, mid, model.sError[s] ? colors.error : kindColor(view, row));
  else if (kind === K.estimated) drawEstimated(view, row, x, w, top);
  else if (kind === K.wait) {
    g.fillStyle = kindColor(view, row);
    g.globalAlpha = 0.35;
    g.fillRect(x, mid - 4, w, 8);
    g.globalAlpha = 1;
    g.fillRect(x, mid - 4, 2, 8);
    g.fillRect(x + w - 2, mid - 4, 2, 8);
  } else drawAttempt(view, s, row, kind, x, w, top);
}

function drawBackoff(view, s, x, w, mid) {
  const { g, model, colors } = view;
  const now = model.open ? Math.min(Math.max(view.x(model.now), x), x + w) : x + w;
  g.strokeStyle = colors.backoff;
  g.lineWidth = 2;
  g.setLineDash([2, 3]);
  for (const [from, to, alpha] of [[x, now, 1], [now, x + w, 0.4]]) { // lighter: what is still to come of it
    g.globalAlpha = alpha;
    g.beginPath();
    g.moveTo(from, mid);
    g.lineTo(to, mid);
    g.stroke();
  }
  g.globalAlpha = 1;
  g.setLineDash([]);
  const text = `${model.sBy[s] === "server" ? "Retry-After" : "backoff"} ${duration(model.sEnd[s] - model.sStart[s])}`;
  const [from, to] = now - x > x + w - now ? [x, now] : [now, x + w]; // not across the line of now
  if (to - from > 110) {
    g.font = SMALL;
    const width = g.measureText(text).width, at = (from + to - width) / 2;
    g.fillStyle = view.rowGround;
    g.fillRect(at - 3, mid - 7, width + 6, 14);
    g.fillStyle = colors.backoff;
    g.fillText(text, at, mid + 4);
  }
}

function drawBracket(view, row, x, w, mid) {
  const { g, colors } = view;
  g.fillStyle = view.model.depth[row] === 0 ? colors.run : colors.turn;
  g.fillRect(x, mid - 2, w, 4);
  g.fillRect(x, mid - 5, 2, 10);
  g.fillRect(x + w - 2, mid - 5, 2, 10);
}

function drawDiamond(g, x, mid, color) {
  g.fillStyle = color;
  g.beginPath();
  g.moveTo(x - 6, mid); g.lineTo(x, mid - 6); g.lineTo(x + 6, mid); g.lineTo(x, mid + 6);
  g.fill();
}

function drawEstimated(view, row, x, w, top) {
  const { g } = view;
  g.globalAlpha = 0.5;
  g.fillStyle = hatch(view, kindColor(view, row), 45);
  g.fillRect(x, top, w, BAR);
  g.globalAlpha = 1;
  g.strokeStyle = kindColor(view, row);
  g.lineWidth = 1;
  g.setLineDash([3, 2]);
  g.strokeRect(x + 0.5, top + 0.5, w - 1, BAR - 1);
  g.setLineDash([]);
}

function drawAttempt(view, s, row, kind, x, w, top) {
  const { g, model, colors } = view;
  const late = kind === K.timeout || kind === K.lost;
  const color = kind === K.error ? colors.error : late ? colors.timeout
    : kind === K.cancelled ? colors.queue : kindColor(view, row);
  g.fillStyle = color;
  box(g, x, top, Math.max(w, 2), BAR, 2.5);
  g.fill();
  if (late) {
    g.strokeStyle = colors.timeout_edge;
    g.lineWidth = 1.2;
    g.stroke();
  }
  if (model.sEstimated[s]) {
    g.save();
    g.clip();
    g.fillStyle = hatch(view, view.colors.ground, 45);
    g.fillRect(x + w / 2, top, w / 2, BAR);
    g.restore();
  }
  let used = 0;
  if (kind === K.error || late) {
    if (w >= 11) used = drawSign(view, kind, x + 8, top + BAR / 2);
    else drawSmallSign(view, kind, x + w / 2, top - 2);
  }
  if (kind === K.running) drawChevrons(view, x, w, top);
  const ground = kind === K.running ? color : "";
  drawLabel(view, s, x + used, w - used, top, late ? "#2B1E00" : inkOn(view, color), ground);
}

function drawSign(view, kind, x, y) {
  const { g, colors } = view;
  g.strokeStyle = kind === K.error ? colors.on_bar : "#2B1E00";
  g.lineWidth = 1.8;
  g.beginPath();
  if (kind === K.error) {
    g.moveTo(x - 3.2, y - 3.2); g.lineTo(x + 3.2, y + 3.2); g.moveTo(x + 3.2, y - 3.2); g.lineTo(x - 3.2, y + 3.2);
  } else if (kind === K.timeout) {
    g.arc(x, y, 4, 0, 7);
    g.moveTo(x, y - 2.6); g.lineTo(x, y); g.lineTo(x + 2.2, y);
  } else {
    g.arc(x, y - 1.4, 2.2, Math.PI, 0.5);
    g.lineTo(x, y + 1.4); g.moveTo(x, y + 3.4); g.lineTo(x, y + 4.2);
  }
  g.stroke();
  return 15; // px that it takes
}

// Above a bar that is too narrow for its sign: a cross where it failed, a ring where time ran out.
function drawSmallSign(view, kind, x, y) {
  const { g, colors } = view;
  g.strokeStyle = kind === K.error ? colors.bad : colors.timeout_edge;
  g.lineWidth = 1.4;
  g.beginPath();
  if (kind === K.error) { g.moveTo(x - 2, y - 2); g.lineTo(x + 2, y + 2); g.moveTo(x + 2, y - 2); g.lineTo(x - 2, y + 2); }
  else g.arc(x, y, 1.9, 0, 7);
  g.stroke();
}

function drawChevrons(view, x, w, top) {
  const { g } = view;
  g.save();
  box(g, x, top, w, BAR, 2.5);
  g.clip();
  g.strokeStyle = view.colors.on_bar;
  g.globalAlpha = 0.55;
  g.lineWidth = 1.5;
  g.beginPath();
  for (let at = x + w - 6, k = 0; at > x && k < 200; at -= 9, k++) {
    g.moveTo(at - 3, top + 3); g.lineTo(at + 1, top + BAR / 2); g.lineTo(at - 3, top + BAR - 3);
  }
  g.stroke();
  g.restore();
}

function drawLabel(view, s, x, w, top, color, ground) {
  const { g, model } = view;
  if (w < 34) return;
  const time = duration(model.sEnd[s] - model.sStart[s]);
  const tok = tokensText(model.sIn[s], model.sOut[s]);
  g.font = "600 " + SMALL;
  const text = [tok ? `${tok} · ${time}` : "", tok, time].find((t) => t && g.measureText(t).width + 10 <= w);
  if (!text) return;
  if (ground) {
    g.fillStyle = ground;
    g.fillRect(x + 2, top + 1, g.measureText(text).width + 6, BAR - 2);
  }
  g.fillStyle = color;
  g.fillText(text, x + 5, top + BAR / 2 + 4);
}

// lane -> [px from the row's top, height, least width, colour]; failures come last, over time-outs.
const LANE_PLACES = { lane_model: [2, 3, 0.7, "model"], lane_tool: [6, 3, 0.7, "tool"],
  lane_activity: [10, 3, 0.7, "activity"], lane_timeout: [14, 6, 2, "timeout"], lane_error: [14, 6, 2, "error"] };

function drawLanes(view, row, y) {
  const { g, model, colors, state } = view;
  const spans = laneSpans(model, row), gap = ((state.v1 - state.v0) / (view.width - view.left)) * 0.5;
  const from = view.axis.t(state.v0), to = view.axis.t(state.v1);
  for (const [lane, [top, height, least, color]] of Object.entries(LANE_PLACES)) {
    g.fillStyle = colors[color];
    for (const [start, end] of mergedSpans(spans[lane] ?? [], gap)) {
      if (end < from || start > to) continue;
      const x0 = Math.max(view.x(start), view.left), x1 = Math.min(view.x(end), view.width);
      g.fillRect(x0, y + top, Math.max(x1 - x0, least), height);
    }
  }
}

function drawGlyph(view, row, x, y) {
  const { g, model, colors } = view;
  const kind = model.kind[row];
  g.fillStyle = g.strokeStyle = kind === "run" ? colors.run : kind === "agent" || kind === "turn" ? colors.turn
    : kindColor(view, row);
  g.lineWidth = 1.6;
  g.beginPath();
  if (kind === "model") { g.arc(x, y, 4.4, 0, 7); g.fill(); }
  else if (kind === "tool" || kind === "mcp") g.fillRect(x - 4, y - 4, 8, 8);
  else if (kind === "run") { box(g, x - 5, y - 4, 10, 8, 2); g.fill(); }
  else if (kind === "agent" || kind === "turn") {
    g.moveTo(x - 4.5, y + 4); g.lineTo(x, y - 4.5); g.lineTo(x + 4.5, y + 4); g.closePath();
    if (kind === "agent") g.fill(); else g.stroke();
  } else if (kind === "handoff" || kind === "signal" || kind === "update") drawDiamond(g, x, y, g.fillStyle);
  else if (kind === "timer" || kind === "human_wait") {
    g.arc(x, y, 4.2, 0, 7); g.moveTo(x, y - 2.4); g.lineTo(x, y); g.lineTo(x + 2, y); g.stroke();
  } else if (kind === "child") { g.strokeRect(x - 4, y - 4, 8, 8); g.fillRect(x - 1.5, y - 1.5, 3, 3); }
  else g.strokeRect(x - 3.7, y - 3.7, 7.4, 7.4);
}

// Cut at the end; in the middle where the end is what tells two names apart.
function clipped(g, text, width, middle = false) {
  if (width <= 12) return "";
  if (g.measureText(text).width <= width) return text;
  const cut = (kept) => {
    const tail = middle ? kept >> 1 : 0;
    return text.slice(0, kept - tail) + "…" + (tail ? text.slice(-tail) : "");
  };
  let low = 0, high = text.length;
  while (high - low > 1) {
    const mid = (low + high) >> 1;
    if (g.measureText(cut(mid)).width <= width) low = mid; else high = mid;
  }
  return cut(low);
}
