// One click or key makes one entry of the browser's history. Streamlit writes up to three as it changes pages: the old
// page's path with the new page's parameters or none, then the new page. Back would lead to the old page without its
// filters. So what the same click pushes after its first entry takes the place of that entry.
(() => {
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let made = false;
  for (const name of ["pointerdown", "click", "keydown", "popstate"]) {
    addEventListener(name, () => { made = false; }, true);
  }
  history.pushState = (...entry) => {
    (made ? replace : push)(...entry);
    made = true;
  };
})();
