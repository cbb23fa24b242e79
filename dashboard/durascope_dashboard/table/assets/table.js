// The component: one instance per place on the page. It stays over live updates, and so do its order, columns, scroll
// and focus; a row keeps its element for as long as its run is in the table.

class Table {
  constructor(host) {
    this.root = element("div", "table");
    this.rows = new Map();
    this.order = { name: "", down: false };
    this.chosen = new Map(); // column -> shown, where a person has said so
    this.own = new Map();
    this.ticks = new Ticks();
    this.painted = 0;
    this.build();
    host.append(this.root);
    this.observer = new ResizeObserver(() => this.lay());
    this.observer.observe(this.scroll);
  }

  build() {
    this.scroll = element("div", "scroll");
    this.grid = element("table");
    this.cols = element("colgroup");
    this.head = element("thead");
    this.body = element("tbody");
    this.grid.append(this.cols, this.head, this.body);
    this.scroll.append(this.grid);
    this.root.append(...buildChooser(this), this.scroll);
    this.body.addEventListener("click", (event) => this.click(event));
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("focusin", (event) => this.enter(event.target));
  }

  update({ data, setTriggerValue }) {
    this.send = setTriggerValue;
    this.data = data;
    this.columns = data.columns;
    this.grid.setAttribute("aria-label", data.label);
    this.ticks.answered(data.ticked, data.turn);
    if (data.view !== this.view) {
      this.view = data.view;
      this.scroll.scrollTop = 0;
    }
    this.draw();
  }

  draw() {
    const named = new Map(this.columns.map((column) => [column.name, column]));
    const rest = this.columns.filter((column) => !this.data.shown.includes(column.name));
    this.shown = [...this.data.shown.map((name) => named.get(name)), ...rest].filter(
      (column) => this.chosen.get(column.name) ?? this.data.shown.includes(column.name));
    this.drawHead();
    this.drawRows();
    this.lay();
    requestAnimationFrame(() => this.publish());
  }

  drawHead() {
    const said = JSON.stringify([this.shown.map((column) => column.name), this.order]);
    if (said === this.headed) return;
    this.headed = said;
    const line = element("tr"), ticks = element("th");
    ticks.append(element("span", "sr", "Tick"));
    line.append(ticks, ...this.shown.map((column) => this.heading(column)));
    this.head.replaceChildren(line);
    this.cols.replaceChildren(element("col"), ...this.shown.map(() => element("col")));
  }

  heading(column) {
    const cell = element("th", column.kind), button = element("button", "sort", column.title);
    const sorted = this.order.name === column.name;
    cell.scope = "col";
    cell.title = column.help;
    cell.ariaSort = sorted ? (this.order.down ? "descending" : "ascending") : "none";
    if (sorted) button.append(element("b", "", this.order.down ? " ↓" : " ↑"));
    button.type = "button";
    button.addEventListener("click", () => {
      this.order = turned(this.order, column.name);
      this.draw();
      this.head.querySelectorAll(".sort")[this.shown.indexOf(column)]?.focus();
    });
    cell.append(button, buildEdge(this, column));
    return cell;
  }

  drawRows() {
    const at = this.shown.map((column) => this.columns.indexOf(column));
    const place = this.columns.findIndex((column) => column.name === this.order.name);
    const kept = new Map(), lines = [];
    for (const row of ordered(this.data.rows, place, this.order.down)) {
      const line = this.rows.get(row.id) ?? this.line(row);
      line.row = row;
      kept.set(row.id, line);
      lines.push(line);
      this.tick(line);
      while (line.cells.length > at.length + 1) line.lastChild.remove();
      at.forEach((number, i) => {
        const cell = line.cells[i + 1] ?? line.appendChild(element("td"));
        fill(cell, this.columns[number], row.cells[number], row);
      });
    }
    for (const [id, line] of this.rows) if (!kept.has(id)) line.remove();
    this.rows = kept;
    // Rows that stand right are not touched: taking one out would take its focus away.
    lines.forEach((line, i) => {
      if (this.body.children[i] !== line) this.body.insertBefore(line, this.body.children[i] ?? null);
    });
    if (!this.current?.isConnected) this.enter(lines[0]?.querySelector("a"));
  }

  line(row) {
    const line = element("tr"), cell = element("td", "tick");
    cell.append(buildTick(row, this.ticks.ids.has(row.id), (ticked) => {
      this.ticks.set(row.id, ticked);
      this.tick(line);
      this.send("ticked", { ids: [...this.ticks.ids], turn: this.ticks.turn });
    }));
    line.append(cell);
    return line;
  }

  tick(line) {
    const ticked = this.ticks.ids.has(line.row.id), box = line.querySelector("input");
    if (box.checked !== ticked) box.checked = ticked;
    line.classList.toggle("ticked", ticked);
  }

  lay() {
    if (!this.shown) return;
    const found = [TICK, ...widths(this.shown, this.own, this.scroll.clientWidth)];
    [...this.cols.children].forEach((col, i) => { col.style.width = `${found[i]}px`; });
    this.grid.style.width = `${found.reduce((sum, width) => sum + width, 0)}px`;
  }

  choose(column, shown) {
    this.chosen.set(column.name, shown);
    this.draw();
  }

  widen(column, width) {
    if (width === null) this.own.delete(column.name);
    else this.own.set(column.name, width);
    this.lay();
  }

  // A click opens the run here; with a key or another button the link does what links do. A selection is no click.
  click(event) {
    const line = event.target.closest("tr");
    if (event.target.closest(".tick") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!event.target.closest("a") && String(getSelection())) return;
    event.preventDefault();
    line.classList.add("opening");
    this.send("opened", line.row.link);
  }

  // One stop for the Tab key: from there arrows lead to the other rows and to the tick before the link.
  enter(target) {
    if (!target?.closest("td")) return;
    if (this.current) this.current.tabIndex = -1;
    this.current = target;
    target.tabIndex = 0;
  }

  key(event) {
    const line = event.target.closest("tr"), what = event.target.localName;
    const lines = [...this.body.children], here = lines.indexOf(line);
    const there = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: lines.length - 1 }[event.key];
    const next = there === undefined ? { ArrowLeft: line.querySelector("input"), ArrowRight: line.querySelector("a") }[event.key]
      : lines[there]?.querySelector(what);
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  publish() {
    this.root.dataset.rows = String(this.body.children.length);
    this.root.dataset.painted = String(++this.painted);
  }

  close() {
    this.observer.disconnect();
    this.root.remove();
  }
}

export default function (component) {
  const host = component.parentElement.querySelector(".table-host");
  host.table ??= new Table(host);
  host.table.update(component);
  return () => {
    host.table?.close();
    delete host.table;
  };
}
