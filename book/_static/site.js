// Small things for every page: names for copy buttons, scrolling by keyboard, excerpts in a search without a server.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("button.copybtn").forEach((button) => button.setAttribute("aria-label", "Copy this code"));
  for (const box of document.querySelectorAll(".drawing, div.cell_output .text_html, .pst-scrollable-table-container")) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  }
});
// A page opened as a file may not read another one. The texts of all pages come as a script then.
if (location.protocol === "file:" && /(^|\/)search\.html$/.test(location.pathname)) {
  const texts = new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "_static/texts.js";
    script.onload = () => resolve(window.pageTexts);
    script.onerror = reject;
    document.head.append(script);
  });
  window.fetch = (address) => texts.then((known) => {
    const page = String(address).replace(/^(\.\/)?/, "").replace(/\.html$/, "");
    const main = document.createElement("div");
    main.setAttribute("role", "main");
    main.textContent = known[page] || "";
    return { text: () => main.outerHTML };
  });
}
