// Which columns there are and how wide: each has a least width, and those that grow share what is left.

const TICK = 33;
const LEAST = 36;

function widths(columns, own, room) {
  const least = columns.map((column) => own.get(column.name) ?? column.width);
  const left = Math.max(0, room - TICK - least.reduce((sum, width) => sum + width, 0));
  const grows = columns.map((column) => (own.has(column.name) ? 0 : column.grow));
  const all = grows.reduce((sum, share) => sum + share, 0);
  return least.map((width, i) => width + (all ? (left * grows[i]) / all : left / least.length));
}

// The list behind the button at the right of the head, in the browser's top layer: a short table would cut it.
function buildChooser(table) {
  const button = element("button", "choose", "⋮"), list = element("fieldset", "chooser");
  button.type = "button";
  button.title = "Choose columns";
  button.setAttribute("aria-label", "Choose columns");
  list.popover = "auto";
  button.popoverTargetElement = list;
  list.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    list.replaceChildren(element("legend", "", "Columns"), ...table.columns.map((column) => choice(table, column)));
    const box = button.getBoundingClientRect();
    list.style.left = `${Math.max(8, box.right - list.offsetWidth)}px`;
    list.style.top = `${Math.max(8, Math.min(box.bottom + 2, innerHeight - list.offsetHeight - 8))}px`;
  });
  return [button, list];
}

function choice(table, column) {
  const label = element("label"), box = element("input");
  box.type = "checkbox";
  box.checked = table.shown.includes(column);
  box.addEventListener("change", () => table.choose(column, box.checked));
  label.append(box, column.title);
  return label;
}

// Drag the right edge of a heading; twice on it gives the column its own width back.
function buildEdge(table, column) {
  const edge = element("span", "edge");
  edge.addEventListener("pointerdown", (event) => {
    const from = event.clientX, before = edge.parentElement.offsetWidth;
    edge.setPointerCapture(event.pointerId);
    edge.onpointermove = (moved) => table.widen(column, Math.max(LEAST, before + moved.clientX - from));
    edge.onpointerup = () => { edge.onpointermove = null; };
    event.preventDefault();
  });
  edge.addEventListener("click", (event) => event.stopPropagation());
  edge.addEventListener("dblclick", () => table.widen(column, null));
  return edge;
}
