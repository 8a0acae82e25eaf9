// Keys, menus, toasts and live charts. Every page works without this file; nothing here decides anything.
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]");
  const wide = () => matchMedia("(width >= 820px)").matches;

  // ---------------------------------------------------------------- keys
  const rows = () => all("#list .alert-row").filter((row) => row.checkVisibility()); // what is folded away is passed over
  const here = (list) => {
    const focused = list.indexOf(document.activeElement);
    return focused >= 0 ? focused : list.findIndex((row) => row.hasAttribute("aria-current"));
  };

  // Another alert is on its way into the pane: what is pressed meanwhile is meant for that one, not for the one still shown.
  let opening;
  let coming = false;
  let meant;
  const shows = (event) => event.detail.target?.id === "alert";
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!shows(event)) return;
    coming = true;
    $("#alert")?.setAttribute("aria-busy", "true");
  });
  for (const end of ["htmx:afterSettle", "htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:sendAbort"]) {
    document.addEventListener(end, (event) => {
      if (!coming || !(shows(event) || event.target.id === "alert")) return;
      coming = false;
      $("#alert")?.removeAttribute("aria-busy");
      const key = meant;
      meant = undefined;
      if (key && end === "htmx:afterSettle") press(key);
    });
  }

  function move(step) {
    const list = rows();
    if (!list.length) return;
    const at = here(list);
    const row = list[at < 0 ? 0 : Math.min(Math.max(at + step, 0), list.length - 1)];
    row.focus();
    row.scrollIntoView({ block: "nearest" });
    // On a wide screen the pane follows the cursor, once it rests.
    clearTimeout(opening?.timer);
    opening = undefined;
    if (wide() && !row.hasAttribute("aria-current")) opening = { row, timer: setTimeout(open, 180) };
  }

  function tick() {
    const rows = [...document.querySelectorAll(".inbox-list .alert-row")];
    const at = here(rows);
    const box = rows[at]?.closest(".line")?.querySelector(".tick input");
    if (!box) return false;
    box.click();
    return true;
  }

  // Ticks where the cursor is and goes on, so that a run of alerts is ticked by one key held down.
  function sweep(step) {
    const at = document.activeElement.closest?.(".line")?.querySelector(".tick input");
    if (at && !at.checked) at.click();
    move(step);
    const next = document.activeElement.closest?.(".line")?.querySelector(".tick input");
    if (next && !next.checked) next.click();
  }

  function open() {
    const { row, timer } = opening;
    clearTimeout(timer);
    opening = undefined;
    row.click();
  }

  function press(key) {
    if (opening) open();
    if (coming) {
      meant = key;
      return true;
    }
    const target = $(`#alert [aria-keyshortcuts="${key}"]`);
    if (!target) return false;
    target.click();
    const sheet = target.closest("details");
    if (sheet?.open) $("input, textarea, button", $(".sheet", sheet))?.focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of all("details.menu[open]")) {
        menu.open = false;
        $("summary", menu).focus();
      }
      if (event.target.matches?.(".search input")) event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
    const keys = {
      j: () => move(1),
      k: () => move(-1),
      J: () => sweep(1),
      K: () => sweep(-1),
      a: () => press("a"),
      s: () => press("s"),
      r: () => press("r"),
      x: tick,
      "/": () => $(".search input")?.focus(),
      "?": () => $("#help")?.showModal(),
    };
    if (keys[event.key] && keys[event.key]() !== false) event.preventDefault();
  });

  // ---------------------------------------------------------------- dialogs, menus, toasts
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest("[data-toast]").remove();
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
  // Files that are too large for the server are refused before they are sent.
  document.addEventListener("change", (event) => {
    const most = Number(event.target.closest("[data-most]")?.dataset.most);
    if (!most || !event.target.files) return;
    const size = [...event.target.files].reduce((sum, file) => sum + file.size, 0);
    const over = size > most ? `The files have more than ${Math.round(most / 1024 / 1024)} MB. Import them with tocsin import.` : "";
    event.target.setCustomValidity(over);
    event.target.reportValidity();
  });
  const fade = () => {
    for (const toast of all("[data-toast]:not([data-timed])")) {
      toast.dataset.timed = "";
      setTimeout(() => toast.remove(), 8000);
    }
  };

  // ---------------------------------------------------------------- what stays as it was when a part is replaced
  let place = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const list = $("#list");
    place = list && event.detail.target.id === "inbox" ? { top: list.scrollTop, page: scrollY } : null;
    // A page that the server refuses to give in part (signed out, gone) is shown whole.
    if (event.detail.xhr.status >= 400 && event.detail.xhr.status < 500) {
      event.detail.shouldSwap = false;
      if (event.detail.xhr.status === 401) location.reload();
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const list = $("#list");
    if (place && list) list.scrollTop = place.top;
    if (event.detail.target.id === "alert" || event.detail.target.id === "inbox") follow();
    fade();
    liven();
  });

  // The row of the alert that the pane shows is the current one.
  function follow() {
    const pane = $("#alert");
    if (!pane) return;
    for (const row of rows()) {
      if (row.dataset.alert === pane.dataset.alert) {
        row.setAttribute("aria-current", "true");
        if (wide()) row.scrollIntoView({ block: "nearest" });
      } else row.removeAttribute("aria-current");
    }
    const title = $("[data-title]", pane);
    if (title) document.title = title.dataset.title;
    if (!wide() && pane.hasAttribute("data-open")) scrollTo(0, 0);
  }

  // ---------------------------------------------------------------- live charts: the image stays until Vega has drawn the same spec
  let vega;
  const module = () => {
    const source = $("[data-vega]")?.dataset.vega;
    vega ??= source ? import(source).then(() => window.vegaEmbed) : Promise.resolve(null);
    return vega;
  };

  async function live(chart) {
    const [embed, answer] = await Promise.all([module(), fetch(chart.dataset.spec, { credentials: "same-origin" })]);
    if (!embed || !answer.ok) return;
    const place = document.createElement("div");
    place.className = "live";
    place.setAttribute("aria-hidden", "true"); // the image keeps the words for readers
    chart.append(place);
    const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true, theme: "" } };
    await embed(place, await answer.json(), options);
    chart.dataset.live = "";
  }

  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watch.unobserve(entry.target);
      live(entry.target).catch((error) => console.warn("The chart stays an image:", error.message));
    }
  });
  function liven() {
    for (const chart of all("[data-spec]:not([data-watched])")) {
      chart.dataset.watched = "";
      watch.observe(chart);
    }
  }

  const start = () => {
    fade();
    liven();
    const current = $("#list .alert-row[aria-current]");
    if (current && wide()) current.scrollIntoView({ block: "nearest" });
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
