// What the browser does by itself: everything else is drawn by the server.
"use strict";
window.pleinair = {
  fill(id, value) {
    const control = document.getElementById(id);
    if (!control) return;
    control.value = value;
    control.dispatchEvent(new Event("input", { bubbles: true }));
  },
  // What was made for this may come a moment later.
  open(id, tries = 60) {
    const dialog = document.getElementById(id);
    if (dialog) {
      dialog.showModal();
      // Whence it was opened may be gone when it closes.
      const land = () => document.activeElement === document.body && document.getElementById("content")?.focus({ preventScroll: true });
      dialog.addEventListener("close", () => setTimeout(land, 250), { once: true });
    } else if (tries) requestAnimationFrame(() => pleinair.open(id, tries - 1));
  },
  shut(id) { document.getElementById(id)?.close(); },
  reveal(what) { document.querySelector(what)?.scrollIntoView({ block: "nearest", inline: "center" }); },
  async copy(id, button, done) {
    const told = document.getElementById(id);
    getSelection().selectAllChildren(told);
    try { await navigator.clipboard.writeText(told.textContent); }
    catch { document.execCommand("copy"); } // a page that came without TLS has no clipboard
    button.textContent = done;
  },
  choose(name, value) {
    document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`;
    location.reload();
  },
  // Keep the address of the page true to what it shows.
  address(name, value) {
    const url = new URL(location.href);
    value ? url.searchParams.set(name, value) : url.searchParams.delete(name);
    history.replaceState(history.state, "", url);
  },
  turn() {
    const root = document.documentElement;
    const dark = getComputedStyle(root).colorScheme === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `pleinair_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  },
  // A request that the browser itself must make, for the cookie that it gets or gives up.
  async ask(url, body) {
    const response = await fetch(url, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    if (response.ok) return "";
    try { return (await response.json()).error.message; } catch { return `${response.status}`; }
  },
  // Words that the model does not know, marked behind the text while it is typed.
  unknown: [],
  mark(id, unknown) {
    const control = document.getElementById(id);
    if (!control) return;
    const mirror = control.previousElementSibling;
    if (unknown) pleinair.unknown = unknown;
    if (!control.dataset.marked) {
      control.dataset.marked = "yes";
      control.addEventListener("input", () => pleinair.mark(id));
      control.addEventListener("scroll", () => { mirror.scrollTop = control.scrollTop; });
    }
    const parts = pleinair.unknown.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const text = control.value;
    mirror.replaceChildren();
    let done = 0;
    if (parts.length) {
      const found = new RegExp(`(?<![\\p{L}\\p{N}])(?:${parts.join("|")})(?![\\p{L}\\p{N}])`, "giu");
      for (const match of text.matchAll(found)) {
        mirror.append(text.slice(done, match.index));
        const mark = document.createElement("mark");
        mark.textContent = match[0];
        mirror.append(mark);
        done = match.index + match[0].length;
      }
    }
    mirror.append(text.slice(done) + "\n");
  },
  // A file goes up as the API takes files; the page is told under the name that its place bears.
  async send(zone, file) {
    if (!zone || !file) return;
    const tell = (told) => emitEvent(zone.dataset.drop, { name: file.name, ...told });
    tell({ state: "begun" });
    const form = new FormData();
    form.append("purpose", "user_data");
    form.append("file", file, file.name);
    const response = await fetch("/v1/files", { method: "POST", body: form });
    const told = await response.json().catch(() => ({}));
    const state = response.ok ? "done" : "failed";
    tell({ state, type: file.type, id: told.id, message: told.error?.message });
  },
};
// Places for a file, by drop, by paste or by its button: whoever is quicker than the page's server
// is heard too, as nothing has to be wired first.
const zoneOf = (event) => event.target.closest?.("[data-drop]");
document.addEventListener("dragover", (event) => {
  const zone = zoneOf(event);
  if (zone) event.preventDefault();
  zone?.classList.add("over");
});
document.addEventListener("dragleave", (event) => zoneOf(event)?.classList.remove("over"));
document.addEventListener("drop", (event) => {
  const zone = zoneOf(event);
  if (!zone) return;
  event.preventDefault();
  zone.classList.remove("over");
  pleinair.send(zone, event.dataTransfer.files[0]);
});
document.addEventListener("change", (event) => {
  const zone = zoneOf(event);
  if (!zone || event.target.type !== "file") return;
  pleinair.send(zone, event.target.files[0]);
  event.target.value = "";
});
document.addEventListener("paste", (event) => {
  for (const zone of document.querySelectorAll("[data-drop]")) pleinair.send(zone, event.clipboardData?.files[0]);
});
// Films play while they are pointed at or have the focus, and only then are they fetched.
const play = (on) => (event) => {
  const poster = event.target.closest?.(".poster[data-film]");
  if (!poster || poster.contains(event.relatedTarget)) return;
  const there = poster.querySelector("video");
  if (!on) there?.remove();
  if (!on || there) return;
  const video = Object.assign(document.createElement("video"), { src: poster.dataset.film, muted: true, loop: true, playsInline: true });
  video.setAttribute("aria-hidden", "true");
  video.addEventListener("canplay", () => video.play().catch(() => {}));
  poster.append(video);
};
document.addEventListener("mouseover", play(true));
document.addEventListener("mouseout", play(false));
document.addEventListener("focusin", play(true));
document.addEventListener("focusout", play(false));
// What is quicker than a question to the server: opening a dialog, playing, going to a frame.
document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) pleinair.open(opener.dataset.opens);
  const video = event.target.closest?.("section")?.querySelector(".screen video");
  if (video && event.target.closest("[data-plays]")) video.paused ? video.play().catch(() => {}) : video.pause();
  if (video && event.target.matches("[data-seeks]")) {
    const column = Math.floor(5 * event.offsetX / event.target.clientWidth);
    const row = Math.floor(5 * event.offsetY / event.target.clientHeight);
    video.pause();
    video.currentTime = video.duration * (5 * row + column) / 24;
  }
});
// Keys: an element that says data-key="c" is pressed by it, unless somebody is typing. A key that
// is held down presses once, and space and Enter belong to what has the focus.
document.addEventListener("keydown", (event) => {
  const dialog = event.target.closest?.("dialog[open]");
  if (dialog && event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches("input, textarea, select")) {
    const confirm = dialog.querySelector("[data-confirm]:not([disabled])");
    if (!confirm) return;
    event.preventDefault();
    confirm.click();
    return;
  }
  if (event.repeat) return;
  const own = [" ", "Enter"].includes(event.key) && event.target.closest?.("button, a, summary, input, video");
  // A dialog that was just closed may keep the focus for a moment; nobody types into it any more.
  const shut = event.target.closest?.("dialog:not([open])");
  const typing = !shut && (own || event.target.closest?.("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]"));
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    document.querySelector("[data-key='mod+enter']:not([disabled])")?.click();
    event.preventDefault();
  } else if (event.key === "Enter" && typing?.matches?.("input")) {
    typing.closest("dialog, .bare")?.querySelector("[data-key='Enter']:not([disabled])")?.click();
  } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && !document.querySelector("dialog[open]")) {
    const found = document.querySelector(`[data-key~="${event.key === " " ? "space" : CSS.escape(event.key)}"]:not([disabled])`);
    if (!found) return;
    event.preventDefault();
    found.matches("input, textarea, select") ? found.focus() : found.click();
  }
});
