// In which order the rows stand: as they were sent, or by a column; what is not known comes last either way.

const COLLATOR = new Intl.Collator("en", { numeric: true });

function ordered(rows, place, down) {
  if (place < 0) return rows;
  const value = (row) => row.cells[place][1];
  const known = (found) => found !== null && found !== "";
  return [...rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (!known(a) || !known(b)) return known(b) - known(a);
    return (down ? -1 : 1) * (typeof a === "number" ? a - b : COLLATOR.compare(a, b));
  });
}

// One click sorts upwards, the next downwards, the third gives the page's own order back.
function turned(order, name) {
  if (order.name !== name) return { name, down: false };
  return order.down ? { name: "", down: false } : { name, down: true };
}
