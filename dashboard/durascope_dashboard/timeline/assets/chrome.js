// What stands around the lines: the minimap (how much ran at once, ticks where something failed) and the time axis.

const TICK = 3; // px of the minimap that share one tick

function drawMinimap(view) {
  const { g, colors, axis, state } = view;
  g.fillStyle = colors.panel;
  g.fillRect(0, 0, view.width, MINI);
  const key = [view.width, axis.mode, view.model.count, view.model.end, colors.ground].join();
  if (view.miniKey !== key) {
    view.mini = countMinimap(view);
    view.miniKey = key;
  }
  const { load } = view.mini;
  const peak = Math.max(1, ...load);
  for (let x = 0; x < load.length; x++) {
    if (load[x]) {
      g.fillStyle = colors.model;
      const h = Math.max(2, (load[x] / peak) * (MINI - 16));
      g.globalAlpha = 0.75;
      g.fillRect(x + 8, MINI - 3 - h, 1, h);
      g.globalAlpha = 1;
    }
  }
  drawFailures(view.mini, g, colors);
  const x0 = 8 + (state.v0 / axis.total) * load.length, x1 = 8 + (state.v1 / axis.total) * load.length;
  g.fillStyle = colors.ground;
  g.globalAlpha = 0.55;
  g.fillRect(0, 0, Math.max(x0, 0), MINI);
  g.fillRect(x1, 0, view.width - x1, MINI);
  g.globalAlpha = 1;
  g.strokeStyle = colors.accent;
  g.lineWidth = 2;
  g.strokeRect(Math.max(x0, 1), 1, Math.max(Math.min(x1, view.width - 1) - Math.max(x0, 1), 4), MINI - 2);
}

// A tick for each place with failures; where there are many, the taller the tick the more of them.
function drawFailures({ bad, late }, g, colors) {
  const most = Math.max(1, ...bad.map((count, i) => count + late[i]));
  bad.forEach((count, i) => {
    const all = count + late[i];
    if (!all) return;
    const h = 3 + 7 * (all / most);
    g.fillStyle = count >= late[i] ? colors.error : colors.timeout;
    g.fillRect(i * TICK + 8, 2, TICK - 1, h);
  });
}

function countMinimap(view) {
  const { model, axis } = view;
  const n = Math.max(Math.floor(view.width - 16), 1);
  const places = Math.ceil(n / TICK);
  const change = new Int32Array(n + 1), bad = new Int32Array(places), late = new Int32Array(places);
  for (let s = 0; s < model.count; s++) {
    const kind = model.sKind[s];
    if (!ACTIVE.has(kind)) continue;
    const at = (t) => Math.min(n - 1, Math.max(0, Math.floor((axis.u(t) / axis.total) * n)));
    const from = at(model.sStart[s]), to = at(model.sEnd[s]);
    change[from]++;
    change[to + 1]--;
    if (kind === K.error || kind === K.lane_error) bad[Math.floor(to / TICK)]++;
    else if (kind === K.timeout || kind === K.lost || kind === K.lane_timeout) late[Math.floor(to / TICK)]++;
  }
  const load = new Int32Array(n);
  for (let x = 0, sum = 0; x < n; x++) load[x] = sum += change[x];
  return { load, bad, late };
}

function drawAxis(view, y) {
  const { g, colors, axis, state } = view;
  g.fillStyle = colors.ground;
  g.fillRect(0, y, view.width, AXIS);
  g.font = SMALL;
  g.fillStyle = colors.muted;
  const shut = view.model.hidden.reduce((sum, count) => sum + count, 0);
  const rest = shut ? `${many(shut, "more")}`.replace(/s$/, "") + " when opened" : many(view.model.count, "segment");
  g.fillText(clipped(g, view.notice || `${many(view.lines.length, "row")} · ${rest}`, view.left - 20), 10, y + 16);
  const breaks = axis.mode === "busy" ? [] : breakLabels(view);
  const { step, ticks: found } = ticks(axis, state.v0, state.v1, view.width - view.left);
  for (const t of found) {
    const x = view.x(t);
    if (x < view.left - 0.5 || x > view.width - 12) continue;
    g.fillStyle = colors.line;
    g.fillRect(x, y + AXIS - 6, 1, 6);
    const label = clock(t, step), end = x + 10 + g.measureText(label).width;
    if (end - 6 > view.width || breaks.some(([from, to]) => x < to && end > from)) continue;
    g.fillStyle = colors.muted;
    g.fillText(label, x + 4, y + 16);
  }
  drawBreaks(view, y, breaks);
  g.fillStyle = colors.line;
  g.fillRect(0, y + AXIS - 1, view.width, 1);
}

function drawGrid(view) {
  const { g, colors, axis, state } = view;
  g.fillStyle = colors.line;
  for (const t of ticks(axis, state.v0, state.v1, view.width - view.left).ticks) {
    const x = view.x(t);
    if (x >= view.left - 0.5) g.fillRect(x, HEAD, 1, view.height);
  }
}

// -> [from px, to px, text] of each break in sight.
function breakLabels(view) {
  const { g, axis } = view, found = [];
  for (const [a, b] of axis.gaps) {
    const x0 = view.x(a), x1 = view.x(b), mid = (x0 + x1) / 2;
    if (x1 < view.left || x0 > view.width) continue;
    const text = clipped(g, "⇤" + duration(b - a) + "⇥", Math.max(x1 - x0 + 14, 40));
    const half = g.measureText(text).width / 2;
    found.push([mid - half, mid + half, text]);
  }
  return found;
}

function drawBreaks(view, y, labels) {
  const { g, colors, axis } = view;
  g.fillStyle = colors.muted;
  if (axis.mode === "busy") {
    for (const [a, b] of axis.gaps) if (view.x(b) >= view.left) g.fillRect(view.x(a) - 0.5, y + AXIS - 8, 1.5, 8);
  }
  for (const [from, to, text] of labels) {
    g.fillStyle = colors.ground;
    g.fillRect(from, y + 2, to - from, AXIS - 4);
    g.fillStyle = colors.text;
    g.fillText(text, from, y + 16);
  }
}

// Breaks and "now" go over the lines, so that they stay readable on any row.
function drawOverlay(view, top) {
  const { g, colors, axis, model } = view;
  for (const [a, b] of axis.gaps) {
    const x0 = Math.max(view.x(a), view.left), x1 = Math.min(view.x(b), view.width);
    if (axis.mode === "busy" || x1 <= x0) continue;
    g.globalAlpha = 0.35;
    g.fillStyle = hatch(view, colors.line, 45);
    g.fillRect(x0, top, x1 - x0, view.height);
    g.globalAlpha = 1;
  }
  if (model.open) {
    const x = view.x(model.now);
    if (x >= view.left && x <= view.width) {
      g.fillStyle = colors.accent;
      g.fillRect(x, top, 1.5, view.height);
    }
  }
  g.fillStyle = colors.line;
  g.fillRect(view.left - 1, top, 1, view.height);
}
