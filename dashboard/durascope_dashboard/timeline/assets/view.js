// The component: one instance per place on the page. Streamlit calls the default export again on every change of data
// or theme; the instance stays, so zoom, folds and focus survive a live update.

const HEAD = MINI + AXIS;
const MAX_LINES = 25;
const MAX_PRINTED = 600; // a canvas has a limit of height

class Timeline {
  constructor(host) {
    this.root = element("div", "ds");
    this.state = { v0: 0, v1: 0, cursor: 0, selected: "", filter: "", retriedOnly: false, critical: true,
      hideQueue: false, mode: "wall", folded: new Set(), unfolded: new Set() };
    this.patterns = new Map();
    this.hover = -1;
    this.painted = 0;
    this.seq = -1;
    this.paper = matchMedia("print");
    this.build();
    host.append(this.root);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.root);
    this.onPaper = () => this.print();
    this.paper.addEventListener("change", this.onPaper);
  }

  // On paper nobody scrolls: all rows, drawn at once, before the page is taken.
  print() {
    if (!this.model) return;
    this.readTheme(this.model.meta);
    this.layout();
    this.makeAxis(this.isFit());
    this.draw();
  }

  build() {
    this.act = actions(this);
    this.canvas = element("canvas");
    this.g = this.canvas.getContext("2d");
    this.scroll = element("div", "scroll");
    this.spacer = element("div", "spacer");
    this.tip = element("div", "tip");
    this.tip.hidden = true;
    this.live = element("div", "sr");
    this.live.setAttribute("aria-live", "polite");
    this.help = buildHelp();
    this.spacer.append(this.canvas);
    this.scroll.append(this.spacer);
    const bar = buildToolbar(this, this.act);
    this.legend = buildLegend();
    this.root.append(bar, this.legend, this.scroll, this.tip, this.help, this.live);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Timeline of the run. Arrow keys move, Enter selects, question mark lists all keys. The table tab has the same rows.");
    listen(this);
  }

  update(component) {
    this.send = component.setStateValue;
    const { data } = component;
    if (!data?.rows || !data?.segments) return;
    this.readTheme(data.meta);
    const first = !this.model || this.model.meta.key !== data.meta.key;
    const wasFit = !first && this.isFit();
    if (first || data.rows !== this.lastRows || data.segments !== this.lastSegments || this.lastBase !== data.meta.base) {
      const model = readModel(data);
      if (!model) return awaitBase(data.meta.base, () => this.update(component));
      if (model.n !== this.model?.n) this.leave(); // another row may have come under the pointer
      this.model = model;
      [this.lastRows, this.lastSegments, this.lastBase] = [data.rows, data.segments, data.meta.base];
      if (first) this.seen = new Set();
      showLegend(this);
    }
    if (first) {
      this.state.folded = startCollapsed(this.model);
      this.state.unfolded = new Set();
      this.seq = -1;
      readLink(this);
    }
    this.layout();
    this.makeAxis(first || wasFit);
    if (first) readWindow(this);
    if (data.meta.select_seq > this.seq) {
      this.seq = data.meta.select_seq;
      this.choose(data.meta.selected ?? "");
    }
    this.paint();
    return undefined;
  }

  // The run goes along: Streamlit remembers the last value, also when the page has gone on to another run.
  tell(name, id) {
    this.send?.(name, `${this.model.meta.key}\n${id}`);
  }

  readTheme(meta) {
    const probe = getComputedStyle(this.root).getPropertyValue("--st-background-color").trim();
    const rgb = this.parseColor(probe || "#ffffff");
    const dark = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] < 128;
    this.colors = dark && !this.paper.matches ? meta.palettes.dark : meta.palettes.light;
    for (const [role, color] of Object.entries(this.colors)) this.root.style.setProperty(`--ds-${role}`, color);
    this.root.dataset.theme = dark ? "dark" : "light";
  }

  parseColor(text) {
    this.g.fillStyle = "#ffffff";
    this.g.fillStyle = text;
    return [1, 3, 5].map((i) => parseInt(this.g.fillStyle.slice(i, i + 2), 16) || 0);
  }

  choose(id) {
    this.state.selected = id;
    const row = this.model.index.get(id);
    if (row === undefined) return;
    reveal(this.model, this.state, row);
    this.layout();
    this.state.cursor = Math.max(0, this.lines.findIndex((line) => line.row === row && !line.attempt));
    this.intoView();
  }

  layout() {
    this.lines = visibleLines(this.model, this.state);
    this.state.cursor = Math.min(this.state.cursor, Math.max(this.lines.length - 1, 0));
    const shown = Math.min(Math.max(this.lines.length, 3), this.paper.matches ? MAX_PRINTED : MAX_LINES);
    this.height = HEAD + shown * ROW;
    this.scroll.style.height = `${this.height}px`;
    this.spacer.style.height = `${HEAD + this.lines.length * ROW}px`;
    this.measure();
  }

  measure() {
    this.width = Math.max(this.scroll.clientWidth, 320);
    this.left = this.width > 860 ? 352 : this.width > 520 ? 260 : 180;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
      this.canvas.style.width = `${this.width}px`;
      this.canvas.style.height = `${this.height}px`;
      this.patterns.clear();
    }
    this.g.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  resize() {
    if (!this.model) return;
    this.measure();
    this.makeAxis(this.isFit());
    this.paint();
  }

  makeAxis(fit) {
    const keep = this.axis && [this.axis.t(this.state.v0), this.axis.t(this.state.v1)];
    this.axis = makeAxis(this.model, this.state.mode, this.width - this.left);
    if (fit || !keep) this.fit();
    else [this.state.v0, this.state.v1] = keep.map((t) => this.axis.u(t));
  }

  begin() {
    return this.state.hideQueue ? this.axis.u(firstStart(this.model)) : 0;
  }

  isFit() {
    return this.state.v0 <= this.begin() && this.state.v1 >= this.axis.total * 0.999;
  }

  fit() {
    const from = this.begin();
    this.state.v0 = from;
    this.state.v1 = from + (this.axis.total - from) * 1.02;
  }

  x(t) {
    const { v0, v1 } = this.state;
    return this.left + ((this.axis.u(t) - v0) / (v1 - v0)) * (this.width - this.left - 8);
  }

  time(x) {
    const { v0, v1 } = this.state;
    return v0 + ((x - this.left) / (this.width - this.left - 8)) * (v1 - v0);
  }

  absolute(ms) {
    return new Date(this.model.meta.origin / 1000 + ms).toISOString().replace("T", " ").replace("Z", " UTC");
  }

  intoView() {
    const y = this.state.cursor * ROW, page = this.height - HEAD;
    if (y < this.scroll.scrollTop) this.scroll.scrollTop = y;
    else if (y + ROW > this.scroll.scrollTop + page) this.scroll.scrollTop = y + ROW - page;
  }

  say() {
    const line = this.lines[this.state.cursor];
    if (!line) return;
    const { model } = this, { row } = line;
    const tries = model.attempts[row] > 1 ? `, ${model.attempts[row]} attempts` : "";
    this.live.textContent = `${model.name[row]}, ${kindWords(model, row)}, ${statusWords(model, row)}${tries}, ${duration(model.stop[row] - model.start[row])}`;
  }

  // Nothing is pointed at any more, and the last notice has been read.
  leave() {
    this.hover = -1;
    this.tip.hidden = true;
    this.notice = "";
  }

  paint() {
    if (this.frame || !this.model) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    const { g, colors } = this;
    const top = this.scroll.scrollTop;
    g.fillStyle = colors.ground;
    g.fillRect(0, 0, this.width, this.height);
    g.save();
    g.beginPath();
    g.rect(0, HEAD, this.width, this.height - HEAD);
    g.clip();
    this.edges = 0; // arrows to what lies outside of the window
    const from = Math.max(0, Math.floor(top / ROW)), to = Math.min(this.lines.length, Math.ceil((top + this.height) / ROW));
    for (let i = from; i < to; i++) drawGround(this, this.lines[i], HEAD + i * ROW - top, i);
    drawGrid(this);
    for (let i = from; i < to; i++) drawLine(this, this.lines[i], HEAD + i * ROW - top, i);
    drawOverlay(this, HEAD);
    g.restore();
    g.save();
    drawAxis(this, MINI);
    g.restore();
    drawMinimap(this);
    this.publish();
  }

  publish() {
    const { dataset } = this.root;
    dataset.painted = String(++this.painted);
    dataset.rows = String(this.lines.length);
    dataset.segments = String(this.model.count);
    dataset.hidden = String(this.model.hidden.reduce((sum, count) => sum + count, 0));
    dataset.selected = this.state.selected;
    dataset.mode = this.state.mode;
    dataset.now = this.model.open ? String(Math.round(this.x(this.model.now))) : "";
    dataset.edges = String(this.edges);
    dataset.window = `${this.state.v0.toFixed(1)}:${this.state.v1.toFixed(1)}`;
    this.retriedButton.setAttribute("aria-pressed", this.state.retriedOnly);
    this.criticalButton.setAttribute("aria-pressed", this.state.critical);
    for (const button of this.modeButtons) button.setAttribute("aria-pressed", button.dataset.act === this.state.mode);
    writeLink(this);
  }

  close() {
    this.observer.disconnect();
    this.paper.removeEventListener("change", this.onPaper);
    cancelAnimationFrame(this.frame);
    clearTimeout(this.linking);
    this.root.remove();
  }
}

function firstStart(model) {
  let found = model.end;
  for (let s = 0; s < model.count; s++) if (ACTIVE.has(model.sKind[s])) found = Math.min(found, model.sStart[s]);
  return found;
}

export default function (component) {
  const defines = component.data?.meta?.defines;
  if (defines) {
    defineBase(defines, component.data.rows, component.data.segments);
    return () => {};
  }
  const host = component.parentElement.querySelector(".ds-host") ?? component.parentElement;
  const timeline = (host.timeline ??= new Timeline(host));
  timeline.update(component);
  return () => {
    timeline.close();
    delete host.timeline;
  };
}
