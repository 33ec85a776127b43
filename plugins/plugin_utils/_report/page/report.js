/*
 * Copyright: Contributors to the alicloud.imds collection
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The script of the fleet report: search, sort, filter, unfold a host. It never creates markup from text, so that
 * nothing in the data can run; the policy of the page admits this script only.
 */
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const table = byId("table");
  const body = byId("rows");
  const query = byId("query");
  const pick = byId("pick");
  const region = byId("region");
  const clear = byId("clear");
  const REGION = 2; // column
  const rows = Array.from(body.rows);
  const filters = rows.map((row) => row.dataset.f.split(" "));
  const fixed = JSON.parse(table.dataset.texts);
  const text = (key, values = {}) =>
    fixed[key].replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
  const number = new Map(rows.map((row, at) => [row, at]));
  const unfolded = new Map();
  let known = null;
  let texts = null;

  const hosts = () => {
    known ??= JSON.parse(byId("data").textContent);
    return known;
  };
  const words = (value) =>
    value && typeof value === "object" ? Object.values(value).map(words).join(" ") : String(value);
  const searched = () => {
    texts ??= rows.map((row, at) => `${row.textContent} ${words(hosts()[at])}`.toLowerCase());
    return texts;
  };
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  };

  // Searching and filtering
  const format = (value) => value.toLocaleString(document.documentElement.lang);
  const show = () => {
    const wanted = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = wanted.length ? searched() : null;
    const place = region.value ? region.selectedOptions[0].textContent : null;
    let shown = 0;
    rows.forEach((row, at) => {
      const fits =
        (!pick.value || filters[at].includes(pick.value)) &&
        (place === null || row.cells[REGION].textContent === place) &&
        wanted.every((word) => all[at].includes(word));
      row.hidden = !fits;
      if (unfolded.has(row)) unfolded.get(row).hidden = !fits;
      shown += fits;
    });
    const whole = text(rows.length === 1 ? "hosts.one" : "hosts.other", { number: format(rows.length) });
    byId("count").textContent = shown === rows.length ? whole : text("some", { number: format(shown), hosts: whole });
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
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const heads = Array.from(table.tHead.rows[0].cells);
  const sort = (column) => {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const one of heads) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keys = new Map(
      rows.map((row) => {
        const cell = row.cells[column];
        return [row, cell.dataset.k === undefined ? cell.textContent : cell.dataset.k];
      }),
    );
    const order = rows.slice().sort((a, b) => {
      const by = collator.compare(keys.get(a), keys.get(b));
      return (down ? -by : by) || number.get(a) - number.get(b);
    });
    body.append(...order.flatMap((row) => (unfolded.has(row) ? [row, unfolded.get(row)] : [row])));
  };
  heads.forEach((head, column) => {
    const button = make("button", "", head.textContent);
    button.type = "button";
    button.addEventListener("click", () => sort(column));
    head.replaceChildren(button);
  });

  // Unfolding a host
  // A line can break after an underscore or slash inside of a name or path, so that words stay whole.
  const breakable = (text) =>
    text.split(/(?<=[^\s_/][_/])(?=[^\s_/])/).flatMap((part, at) => (at ? [make("wbr"), part] : [part]));
  const prose = (text) =>
    text.split(/`([^`\n]+)`/).flatMap((part, at) => (at % 2 ? [make("code", "", ...breakable(part))] : [part]));
  const line = (name, value) =>
    value === undefined ? null : make("div", "", make("dt", "", name), make("dd", "", ...breakable(String(value))));
  const part = (title, ...children) => {
    const kept = children.filter(Boolean);
    return kept.length ? make("div", "part", make("h3", "", title), ...kept) : null;
  };
  const list = (...lines) => {
    const kept = lines.filter(Boolean);
    return kept.length ? make("dl", "", ...kept) : null;
  };
  const finding = (it) => {
    const kind = it.waiver_holds ? "waived" : it.severity;
    const waiver =
      it.waived &&
      make(
        "em",
        "",
        text(it.waiver_holds ? "waived_until" : "waiver_expired", {
          date: it.waived.expires,
          reason: it.waived.reason,
        }),
      );
    return make(
      "li",
      "",
      make("span", `tag ${kind}`, text(`severity.${kind}`)),
      make(
        "div",
        "",
        make("p", "title", make("b", "", ...prose(it.title)), " ", make("code", "", ...breakable(it.id))),
        it.evidence && make("pre", "", ...breakable(it.evidence)),
        it.impact && make("p", "impact", ...prose(it.impact)),
        it.remedy && make("p", "", ...prose(it.remedy)),
        waiver,
      ),
    );
  };
  const COLUMNS = ["mode", "exe", "unit", "user", "path_class", "count", "first_seen", "last_seen", "noise"];
  const callers = (host) => {
    const columns = COLUMNS.filter((name) => host.callers.some((it) => it[name] !== undefined));
    const head = columns.map((name) => {
      const cell = make("th", "", text(name));
      cell.scope = "col";
      return cell;
    });
    const lines = host.callers.map((it) => {
      const cells = columns.map((name) => {
        const cell = make("td", "", ...breakable(it[name] === undefined ? "" : String(it[name])));
        cell.dataset.label = text(name);
        return cell;
      });
      return make("tr", it.mode === "normal_mode" && !it.noise ? "normal" : "", ...cells);
    });
    return make("table", "stack", make("thead", "", make("tr", "", ...head)), make("tbody", "", ...lines));
  };
  const detail = (host) => {
    const api = host.control_plane || {};
    const guest = host.in_guest || {};
    const fence = host.fence || {};
    const run = host.outcome || {};
    const counters = Object.entries(fence.counters || {}).map(([name, value]) => line(name, value));
    const apiLines = list(
      line(text("endpoint"), api.http_endpoint),
      line(text("tokens"), api.http_tokens),
      line(text("tags"), api.instance_metadata_tags),
      line(text("verdict"), api.verdict),
      line(text("reason"), api.reason),
    );
    return make(
      "div",
      "unfolded",
      make(
        "div",
        "views",
        part(text("instance"), list(line(text("id"), host.instance_id), line(text("name"), host.name))),
        part(text("api"), apiLines || make("p", "", text("no_data"))),
        part(
          text("guest"),
          list(line(text("verdict"), guest.verdict)) || make("p", "", text("not_examined")),
          guest.problems && make("ul", "", ...guest.problems.map((it) => make("li", "", it))),
        ),
        part(text("fence"), list(line(text("mode"), fence.mode), ...counters)),
        part(
          text("last_run"),
          list(
            line(text("result"), run.result),
            line(text("reason"), run.reason),
            line(text("batch"), host.batch),
            line(text("last_known"), host.last_known),
          ),
        ),
      ),
      part(text("findings"), host.findings && make("ul", "found", ...host.findings.map(finding))),
      part(
        text("callers"),
        host.callers && callers(host),
        host.more_callers && make("p", "", text("more", { number: host.more_callers, file: "report.json" })),
      ),
    );
  };
  const toggle = (row) => {
    const button = row.cells[0].querySelector("button");
    const present = unfolded.get(row);
    button.setAttribute("aria-expanded", String(!present));
    if (present) {
      present.remove();
      unfolded.delete(row);
      return;
    }
    const cell = make("td", "", detail(hosts()[number.get(row)]));
    cell.colSpan = heads.length;
    const made = make("tr", "detail", cell);
    unfolded.set(row, made);
    row.after(made);
  };
  for (const row of rows) {
    const name = row.cells[0].firstElementChild;
    const button = make("button", "");
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    name.replaceWith(button);
    button.append(name);
  }
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && number.has(row) && !String(getSelection())) toggle(row);
  });

  query.addEventListener("input", show);
  for (const one of [pick, region]) one.addEventListener("change", show);
  clear.addEventListener("click", () => {
    choose({});
    query.focus();
  });
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
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
  });

  // Rows in the distance are laid out after the load event only.
  addEventListener("load", () => setTimeout(() => table.classList.remove("loading")));

  byId("tools").hidden = false;
  show();
})();
