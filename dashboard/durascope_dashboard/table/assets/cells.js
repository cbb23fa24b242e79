// What stands in a cell. Text from data is only ever text, never markup.

const SVG = "http://www.w3.org/2000/svg";
const SPARK = { width: 46, height: 16, peak: 5 };
const TONES = { "✕": "bad", "◷": "bad", "■": "bad", "●": "accent", "✓": "good" };

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function sparkline(numbers) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${SPARK.width} ${SPARK.height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", numbers.length ? `attempts of each operation: ${numbers.join(", ")}` : "no operations");
  const step = Math.min(4, SPARK.width / Math.max(numbers.length, 1)), wide = Math.max(step - 1, 1);
  const bars = document.createElementNS(SVG, "path");
  bars.setAttribute("d", numbers.map((n, i) => {
    const high = (SPARK.height * Math.min(n, SPARK.peak)) / SPARK.peak;
    return `M${(i * step).toFixed(1)} ${SPARK.height}v${-high.toFixed(1)}h${wide.toFixed(1)}v${high.toFixed(1)}z`;
  }).join(""));
  svg.append(bars);
  return svg;
}

// "attempt 7/∞" stays in one piece; a long CamelCase name breaks between its words.
function inTwoLines(words) {
  const box = element("div", "two");
  for (const part of words.split(/(attempt \S+)/)) {
    if (part.startsWith("attempt ")) box.append(element("span", "whole", part));
    else part.split(/(?<=[a-z0-9])(?=[A-Z])/).forEach((piece, i) => box.append(...(i ? [element("wbr")] : []), piece));
  }
  return box;
}

const CONTENT = {
  text: inTwoLines,
  number: (words) => document.createTextNode(words),
  status: (words) => element("span", TONES[words[0]] ?? "", words),
  spark: (numbers) => sparkline(numbers),
  bar: ([words, share]) => {
    const cell = element("div", "", words), bar = element("div", "share"), filled = element("i");
    filled.style.width = `${(100 * share).toFixed(1)}%`;
    bar.append(filled);
    cell.append(bar);
    return cell;
  },
  link: (words, row) => {
    const link = element("a", "two", words);
    link.href = row.href;
    link.tabIndex = -1;
    return link;
  },
};

// Fill a cell, if it does not say that already: a live page changes a few of them every two seconds.
function fill(cell, column, [words], row) {
  const said = Array.isArray(words) ? words.join() : words;
  if (cell.said === said && cell.kind === column.name) return;
  cell.said = said;
  if (cell.kind !== column.name) cell.className = column.kind;
  cell.kind = column.name;
  if (column.kind === "link" && cell.firstChild?.href) {
    cell.firstChild.textContent = words; // the focus stays where it is
  } else cell.replaceChildren(CONTENT[column.kind](words, row));
  if (column.kind === "text" || column.kind === "link") cell.title = words;
}
