# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can the page do? Its one script: search, sort, filter, unfold a host. Private to the collection.

It never makes markup from text, so that nothing in the data can run; the page's policy admits this script alone.
"""

from __future__ import annotations

SCRIPT = r"""
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const table = byId("table"), body = byId("rows"), tools = byId("tools");
  const query = byId("query"), pick = byId("pick"), region = byId("region"), clear = byId("clear"), count = byId("count");
  const rows = Array.from(body.rows);
  const filters = rows.map((row) => row.dataset.f.split(" "));
  const number = new Map(rows.map((row, at) => [row, at]));
  const open = new Map();
  let known = null, texts = null;

  const hosts = () => known || (known = JSON.parse(byId("data").textContent));
  const words = (value) => value && typeof value === "object"
    ? Object.values(value).map(words).join(" ") : String(value);
  const searched = () => texts || (texts = rows.map((row, at) => (row.textContent + " " + words(hosts()[at])).toLowerCase()));
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  };

  // Searching and filtering
  const show = () => {
    const wanted = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = wanted.length ? searched() : null;
    let shown = 0;
    rows.forEach((row, at) => {
      const fits = (!pick.value || filters[at].includes(pick.value))
        && (!region.value || row.cells[1].textContent === region.selectedOptions[0].textContent)
        && wanted.every((word) => all[at].includes(word));
      row.hidden = !fits;
      if (open.has(row)) open.get(row).hidden = !fits;
      shown += fits;
    });
    const format = (value) => value.toLocaleString("en");
    count.textContent = shown === rows.length ? format(shown) + (shown === 1 ? " host" : " hosts")
      : format(shown) + " of " + format(rows.length) + " hosts";
    clear.hidden = !(query.value || pick.value || region.value);
    table.classList.toggle("empty", shown === 0);
  };
  const choose = (values) => {
    query.value = values.find || "";
    pick.value = values.pick || "";
    region.value = values.region || "";
    show();
  };

  // Sorting
  const collator = new Intl.Collator("en", { numeric: true });
  const heads = Array.from(table.tHead.rows[0].cells);
  const sort = (column) => {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keys = new Map(rows.map((row) => {
      const cell = row.cells[column];
      return [row, cell.dataset.k === undefined ? cell.textContent : cell.dataset.k];
    }));
    const order = rows.slice().sort((a, b) => {
      const by = collator.compare(keys.get(a), keys.get(b));
      return (down ? -by : by) || number.get(a) - number.get(b);
    });
    body.append(...order.flatMap((row) => (open.has(row) ? [row, open.get(row)] : [row])));
  };
  heads.forEach((head, column) => {
    const button = make("button", "", head.textContent);
    button.type = "button";
    button.addEventListener("click", () => sort(column));
    head.replaceChildren(button);
  });

  // Unfolding a host
  const line = (name, value) => (value === undefined ? null : make("div", "", make("dt", "", name), make("dd", "", String(value))));
  const part = (title, ...children) => {
    const kept = children.filter(Boolean);
    return kept.length ? make("div", "part", make("h4", "", title), ...kept) : null;
  };
  const list = (...lines) => {
    const kept = lines.filter(Boolean);
    return kept.length ? make("dl", "", ...kept) : null;
  };
  const finding = (it) => {
    const kind = it.waiver_holds ? "waived" : it.severity;
    const label = make("span", "tag " + kind, kind[0].toUpperCase() + kind.slice(1));
    const waived = it.waived && make("em", "", (it.waiver_holds ? "Waived until " : "The waiver ended on ")
      + it.waived.expires + ": " + it.waived.reason);
    return make("li", "", label, make("b", "", it.title), make("code", "", it.id),
      it.evidence && make("pre", "", it.evidence), it.remedy && make("p", "", it.remedy), waived);
  };
  const callers = (host) => {
    const columns = ["mode", "exe", "unit", "user", "path_class", "count", "first_seen", "last_seen", "noise"];
    const names = ["Mode", "Program", "Unit", "User", "Reads", "Requests", "First seen", "Last seen", "Known noise"];
    const head = make("tr", "", ...names.map((name) => { const th = make("th", "", name); th.scope = "col"; return th; }));
    const lines = host.callers.map((it) => make("tr", it.mode === "plain" && !it.noise ? "plain" : "",
      ...columns.map((column) => make("td", "", it[column] === undefined ? "" : String(it[column])))));
    return make("table", "", make("thead", "", head), make("tbody", "", ...lines));
  };
  const detail = (host) => {
    const api = host.control_plane || {}, guest = host.in_guest || {}, fence = host.fence || {}, run = host.outcome || {};
    const counters = Object.entries(fence.counters || {}).map(([name, value]) => line(name, value));
    return make("div", "unfolded",
      make("div", "views",
        part("By the API", list(line("Endpoint", api.http_endpoint), line("Tokens", api.http_tokens),
          line("Tags in metadata", api.instance_metadata_tags), line("Verdict", api.verdict), line("Because", api.reason))
          || make("p", "", "Nothing known.")),
        part("On the host", list(line("Verdict", guest.verdict)) || make("p", "", "Not looked."),
          guest.problems && make("ul", "", ...guest.problems.map((it) => make("li", "", it)))),
        part("Fence", list(line("Mode", fence.mode), ...counters)),
        part("Last run", list(line("Result", run.result), line("Because", run.reason), line("Batch", host.batch)))),
      part("Findings", host.findings && make("ul", "found", ...host.findings.map(finding))),
      part("Callers", host.callers && callers(host),
        host.more_callers && make("p", "", "And " + host.more_callers + " more, in report.json.")));
  };
  const toggle = (row) => {
    const button = row.cells[0].querySelector("button");
    const unfolded = open.get(row);
    button.setAttribute("aria-expanded", String(!unfolded));
    if (unfolded) {
      unfolded.remove();
      open.delete(row);
      return;
    }
    const cell = make("td", "", detail(hosts()[number.get(row)]));
    cell.colSpan = heads.length;
    const made = make("tr", "detail", cell);
    open.set(row, made);
    row.after(made);
  };
  rows.forEach((row) => {
    const name = row.cells[0].firstElementChild;
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    name.replaceWith(button);
    button.append(name);
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && number.has(row) && !String(getSelection())) toggle(row);
  });

  query.addEventListener("input", show);
  [pick, region].forEach((one) => one.addEventListener("change", show));
  clear.addEventListener("click", () => { choose({}); query.focus(); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href='#hosts']");
    if (link && Object.keys(link.dataset).length) choose(link.dataset);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      query.focus();
    }
  });
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = Array.from(document.querySelectorAll("details:not([open])"));
    folded.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));

  tools.hidden = false;
  show();
})();
"""
