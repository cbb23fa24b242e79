// One click or key makes one entry of the browser's history, and leaves the entry before it as it was. Streamlit writes
// up to three as it changes pages: the old page's path with the new page's parameters or none, then the new page. Back
// would lead to the old page without its filters. So what the same click pushes after its first entry takes the place of
// that entry; what it wrote over the old page's address is put right; and after a Back the address stays what Back made
// it, whatever answers to what was asked before are still on their way, until the next click or key.
(() => {
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let made = false, left = null, led = false;
  for (const name of ["pointerdown", "click", "keydown", "popstate"]) {
    addEventListener(name, () => { made = false; left = null; led = name === "popstate"; }, true);
  }
  const path = (url) => new URL(url ?? "", location.href).pathname;
  history.replaceState = (...entry) => {
    if (led) return;
    left ??= location.href;
    replace(...entry);
  };
  history.pushState = (...entry) => {
    if (led) return;
    if (!made && left && path(left) === location.pathname && path(entry[2]) !== location.pathname) {
      replace(history.state, "", left);
    }
    (made ? replace : push)(...entry);
    made = true;
  };
})();
