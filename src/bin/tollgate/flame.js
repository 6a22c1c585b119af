"use strict";
// Zooms to the frame that is clicked, and marks the frames with a name that is searched.
(function () {
  const MARGIN = 10, WIDTH = 1180, LETTER = 6.7;
  const frames = Array.from(document.querySelectorAll(".f"), (element) => ({
    element,
    x: Number(element.dataset.x),
    width: Number(element.dataset.w),
    depth: Number(element.dataset.d),
    name: element.dataset.n,
    rect: element.querySelector("rect"),
    text: element.querySelector("text"),
  }));
  const note = document.getElementById("note");
  const help = note.textContent;

  function zoom(to) {
    const end = to.x + to.width;
    for (const frame of frames) {
      // Rounded positions: a frame is above another if it reaches as far on both sides.
      const above = frame.depth < to.depth && frame.x <= to.x + 1e-5 && frame.x + frame.width >= end - 1e-5;
      const inside = frame.depth >= to.depth && frame.x >= to.x - 1e-5 && frame.x + frame.width <= end + 1e-5;
      frame.element.style.display = above || inside ? "" : "none";
      frame.element.classList.toggle("above", above);
      const x = above ? 0 : (frame.x - to.x) / to.width;
      const width = (above ? 1 : frame.width / to.width) * WIDTH;
      frame.rect.setAttribute("x", MARGIN + x * WIDTH);
      frame.rect.setAttribute("width", width);
      frame.text.setAttribute("x", MARGIN + x * WIDTH + 3);
      const letters = Math.floor((width - 6) / LETTER);
      const fits = frame.name.length <= letters;
      frame.text.textContent = letters < 3 ? "" : fits ? frame.name : frame.name.slice(0, letters - 1) + "\u2026";
    }
  }

  function search(term) {
    let found = 0, end = -1;
    const sorted = frames.slice().sort((a, b) => a.x - b.x || a.depth - b.depth);
    for (const frame of sorted) {
      const matches = term !== "" && frame.name.includes(term);
      frame.element.classList.toggle("found", matches);
      // What is called by a frame that was counted is part of it.
      if (matches && frame.x + 1e-6 >= end) {
        found += frame.width;
        end = frame.x + frame.width;
      }
    }
    note.textContent = term === "" ? help : term + ": " + (found * 100).toFixed(2) + " %";
  }

  for (const frame of frames) frame.element.addEventListener("click", () => zoom(frame));
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "f") {
      event.preventDefault();
      search(prompt("Mark the functions whose name contains:") || "");
    } else if (event.key === "Escape") {
      search("");
      zoom(frames[0]);
    }
  });
})();
