// Which rows are ticked. The page's link knows them too: its word counts only once it has heard of the last tick.
//
//   person   tick a (turn 1)   tick b (turn 2)
//   server                  answers turn 1: {a}    answers turn 2: {a, b}
//                           not heard here         heard

class Ticks {
  constructor() {
    this.ids = new Set();
    this.turn = -1;
  }

  answered(ids, turn) {
    if (this.turn >= 0 && turn !== this.turn) return;
    this.ids = new Set(ids);
    this.turn = turn;
  }

  set(id, ticked) {
    this.ids.delete(id);
    if (ticked) this.ids.add(id);
    this.turn += 1;
  }
}

function buildTick(row, ticked, heard) {
  const label = element("label"), box = element("input");
  box.type = "checkbox";
  box.tabIndex = -1;
  box.checked = ticked;
  box.setAttribute("aria-label", `Tick ${row.link.workflow_id ?? row.id}`);
  box.addEventListener("change", () => heard(box.checked));
  label.append(box);
  return label;
}
