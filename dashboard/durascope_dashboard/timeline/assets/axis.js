// Time to pixels. `u` is drawn time: equal to real time, or with the idle gaps shortened (compressed) or gone (busy).
//
//   t  |==busy==|.......gap.......|==busy==|
//   u  |==busy==|.48 px.|==busy==|

const BREAK_PX = 48;
const GAP_MIN_MS = 2000;
const GAP_MIN_PART = 0.05;

// What is still to come of an open run keeps its room: only busy time leaves it out.
function idleGaps(model, mode) {
  const spans = [];
  for (let s = 0; s < model.count; s++) {
    if (ACTIVE.has(model.sKind[s])) spans.push([model.sStart[s], model.sEnd[s]]);
  }
  spans.sort((a, b) => a[0] - b[0]);
  const gaps = [];
  let at = 0;
  for (const [start, end] of spans) {
    if (start > at) gaps.push([at, start]);
    at = Math.max(at, end);
  }
  if (model.now > at) gaps.push([at, model.now]);
  if (model.end > model.now && mode === "busy") gaps.push([Math.max(at, model.now), model.end]);
  return gaps;
}

function makeAxis(model, mode, width) {
  const limit = mode === "busy" ? 1 : Math.max(GAP_MIN_MS, GAP_MIN_PART * model.end);
  const gaps = mode === "wall" ? [] : idleGaps(model, mode).filter(([a, b]) => b - a > limit);
  const idle = gaps.reduce((sum, [a, b]) => sum + b - a, 0);
  const rest = Math.max(model.end - idle, 1);
  const px = Math.max(width - (mode === "busy" ? 0 : BREAK_PX * gaps.length), width / 4);
  const short = mode === "busy" ? 0 : (rest / px) * BREAK_PX;
  const ts = [0], us = [0];
  for (const [a, b] of gaps) {
    const u = us[us.length - 1] + a - ts[ts.length - 1];
    ts.push(a, b);
    us.push(u, u + Math.min(short, b - a));
  }
  const lastU = us[us.length - 1] + model.end - ts[ts.length - 1];
  ts.push(model.end);
  us.push(lastU);
  return { ts, us, gaps, mode, total: Math.max(lastU, 1e-6), u: (t) => along(ts, us, t), t: (u) => along(us, ts, u) };
}

function along(from, to, value) {
  const last = from.length - 1;
  if (value <= from[0]) return to[0] + value - from[0];
  if (value >= from[last]) return to[last] + value - from[last];
  let low = 0, high = last;
  while (high - low > 1) {
    const mid = (low + high) >> 1;
    if (from[mid] <= value) low = mid; else high = mid;
  }
  const width = from[high] - from[low];
  return width <= 0 ? to[low] : to[low] + ((value - from[low]) / width) * (to[high] - to[low]);
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5,
  36e5, 72e5, 144e5, 216e5, 432e5, 864e5, 1728e5, 6048e5];

function ticks(axis, v0, v1, width) {
  const step = STEPS.find((s) => (s / (v1 - v0)) * width >= 84) ?? STEPS[STEPS.length - 1];
  const found = [];
  for (let piece = 0; piece + 1 < axis.ts.length; piece++) {
    const [t0, t1] = [axis.ts[piece], axis.ts[piece + 1]];
    if (axis.gaps.some(([a]) => a === t0) && t1 > t0) continue; // inside a break
    const from = Math.max(t0, axis.t(v0)), to = Math.min(t1, axis.t(v1));
    for (let t = Math.ceil(from / step) * step; t <= to && found.length < 200; t += step) found.push(t);
  }
  return { step, ticks: found };
}

function clock(ms, step) {
  if (ms === 0) return "0";
  if (step < 1000) return ms < 60000 ? (ms / 1000).toFixed(step < 10 ? 3 : step < 100 ? 2 : 1) + " s" : duration(ms);
  if (ms < 60000) return Math.round(ms / 1000) + " s";
  const total = Math.round(ms / 1000), two = (v) => String(v).padStart(2, "0");
  const d = Math.floor(total / 86400), h = Math.floor(total / 3600) % 24, m = Math.floor(total / 60) % 60, s = total % 60;
  if (d) return `${d} d ${two(h)}:${two(m)}`;
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
