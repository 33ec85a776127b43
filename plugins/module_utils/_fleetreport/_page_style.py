# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How does the page look? Its one style sheet: light, dark, narrow, printed. Private to the collection."""

from __future__ import annotations

_COLOURS = r"""
:root {
  --paper: #fcfcfa; --panel: #f4f4f0; --ink: #1b1d20; --soft: #5a616b; --line: #dfdfd8; --link: #0b5cad;
  --open: #c2410c; --unknown: #8a6d00; --exempt: #6b5ca5; --off: #64707d; --closed: #0f766e;
  --bad: #a8320a; --badtint: #fdeee6; --warn: #7a5f00; --warntint: #fbf3d4; --hatch: #ffffff59; --focus: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --panel: #1c2024; --ink: #e6e7e4; --soft: #9da5ae; --line: #30363c; --link: #7cb7f5;
    --open: #f0793c; --unknown: #d3b13c; --exempt: #a998e8; --off: #8593a1; --closed: #2fb5a6;
    --bad: #ff9a68; --badtint: #3a2015; --warn: #e2c25a; --warntint: #322b12; --hatch: #00000066; --focus: #7cb7f5;
  }
}
"""

_TEXT = r"""
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums lining-nums; }
header, main, footer { max-width: 1400px; margin: 0 auto; padding: 0 32px; }
h1, h2, h3, h4, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
code, pre { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
a { color: var(--link); text-underline-offset: 2px; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
small { font-size: 12px; color: var(--soft); font-weight: 400; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.defs { position: absolute; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 32px; top: 8px; background: var(--paper); padding: 4px 8px; z-index: 9; }

header { padding-top: 40px; padding-bottom: 36px; }
.kicker { display: flex; justify-content: space-between; gap: 24px; color: var(--soft); margin-bottom: 14px; }
.kicker time { white-space: nowrap; }
h1 { font-size: clamp(28px, 4vw, 44px); line-height: 1.12; font-weight: 400; letter-spacing: -.022em;
  text-wrap: pretty; }
h1 strong { font-weight: 700; }
header .bar { height: 22px; margin-top: 28px; border-radius: 4px; }
.bar { display: block; width: 100%; height: 12px; overflow: hidden; }
.bar rect { stroke: var(--paper); stroke-width: 1.5px; }
.s-open { fill: var(--open); } .s-unknown { fill: var(--unknown); } .s-exempt { fill: var(--exempt); }
.s-off { fill: var(--off); } .s-closed { fill: var(--closed); }
.bar .s-open { fill: url(#hatch); }
.hatch { fill: var(--hatch); }
.legend { display: flex; flex-wrap: wrap; gap: 8px 32px; margin-top: 14px; }
.legend b { font-weight: 650; }
.legend span { display: block; padding-left: 17px; color: var(--soft); font-size: 12px; }
.mark { display: inline-block; width: 10px; height: 10px; margin-right: 7px; background: currentColor; flex: none;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.mark.s-open { color: var(--open); clip-path: polygon(50% 0, 100% 100%, 0 100%); }
.mark.s-closed { color: var(--closed); border-radius: 50%; }
.mark.s-off { color: var(--off); clip-path: inset(35% 0); }
.mark.s-exempt { color: var(--exempt); clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
.mark.s-unknown { background: none; border: 2px dotted var(--unknown); border-radius: 50%; }
"""

_SECTIONS = r"""
section { padding: 30px 0 36px; border-top: 1px solid var(--line); }
h2 { font-size: 19px; line-height: 1.3; font-weight: 650; letter-spacing: -.01em; margin-bottom: 16px; }
h2 small { margin-left: 10px; font-size: 13px; letter-spacing: 0; }
h3 { font-size: 15px; line-height: 1.4; font-weight: 650; }
h4 { font-size: 12px; font-weight: 650; color: var(--soft); margin-bottom: 4px; }
.pair { display: grid; grid-template-columns: minmax(0, 1.9fr) minmax(0, 1fr); column-gap: 56px; }
.next ol { counter-reset: step; display: grid; gap: 15px; }
.next li { counter-increment: step; position: relative; padding-left: 38px; }
.next li::before { content: counter(step); position: absolute; left: 0; top: 0; width: 24px; height: 24px;
  border: 1.5px solid var(--ink); border-radius: 50%; text-align: center; font: 650 13px/21px system-ui, sans-serif; }
.next p { color: var(--soft); max-width: 52em; }
.next a { margin-left: 6px; white-space: nowrap; }
.next .command { margin: 4px 0; }
.next .command code { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 2px 7px;
  color: var(--ink); user-select: all; }
.drift > ul > li { border-bottom: 1px solid var(--line); padding: 6px 0; }
.drift > ul > li:last-child { border: 0; }
.drift b { display: inline-block; min-width: 3.2em; text-align: right; margin-right: 6px; font-weight: 650; }
.drift .none { color: var(--soft); padding-left: 18px; } .drift .none b { font-weight: 400; }
summary { cursor: pointer; }
.drift summary { list-style: none; } .drift summary::-webkit-details-marker { display: none; }
.drift summary::before { content: "+"; display: inline-block; width: 18px; color: var(--soft); }
.drift [open] > summary::before { content: "−"; }
.names { padding: 4px 0 6px 22px; color: var(--soft); font-size: 13px; max-height: 320px; overflow: auto; }

table { border-collapse: collapse; width: 100%; font-size: 13px; line-height: 1.4; }
th, td { text-align: left; vertical-align: baseline; padding: 6px 16px 6px 0; border-bottom: 1px solid var(--line);
  font-weight: 400; unicode-bidi: isolate; }
thead th { color: var(--soft); font-size: 12px; white-space: nowrap; vertical-align: bottom; }
th small, td small { display: block; }
.n { text-align: right; width: 7em; } .d { width: 10.5em; }
.zero { color: var(--soft); opacity: .75; }
.regions th:first-child { width: 15em; } .regions .chart { vertical-align: middle; min-width: 180px; }
.programs th[scope=row] { min-width: 16em; }

.findings > ol > li { padding: 14px 0 16px; border-top: 1px solid var(--line); }
.findings > ol > li:first-child { border: 0; padding-top: 0; }
article { display: grid; grid-template-columns: 84px minmax(0, 1fr) auto; column-gap: 16px; row-gap: 3px; }
article > .side { grid-row: 1 / span 3; }
article > h3, article > .remedy, article > details { grid-column: 2; }
article > a { grid-column: 3; grid-row: 1; white-space: nowrap; font-size: 13px; }
article h3 code { margin-left: 10px; font-weight: 400; color: var(--soft); }
.remedy { max-width: 62em; }
article details { color: var(--soft); font-size: 13px; }
article summary:hover { color: var(--ink); }
.evidence { max-height: 340px; overflow: auto; margin: 6px 0 0; padding-left: 12px; border-left: 2px solid var(--line); }
.evidence li { display: grid; grid-template-columns: 17em minmax(0, 1fr); gap: 0 16px; padding: 2px 0; }
.evidence b { font-weight: 500; color: var(--ink); } .evidence em { grid-column: 2; }
.evidence span { white-space: pre-wrap; }
.tag { display: inline-block; min-width: 62px; padding: 1px 8px; border-radius: 3px; font-size: 12px; font-weight: 650;
  text-align: center; border: 1.5px solid transparent; }
.tag.block { background: var(--bad); color: var(--paper); }
.tag.warn { border-color: var(--warn); color: var(--warn); }
.tag.info { border-color: var(--line); color: var(--soft); }
.tag.waived { border: 1.5px dashed var(--soft); color: var(--soft); }
"""

_HOSTS = r"""
#tools { display: flex; flex-wrap: wrap; align-items: end; gap: 10px 16px; margin-bottom: 12px; }
#tools[hidden] { display: none; }
#tools label span { display: block; font-size: 12px; color: var(--soft); }
#tools input, #tools select, #tools button { font: inherit; color: inherit; height: 34px; padding: 0 10px;
  background: var(--paper); border: 1px solid var(--soft); border-radius: 4px; max-width: 100%; }
#query { width: 22em; } #tools select { max-width: 24em; }
#count { margin-left: auto; color: var(--soft); padding-bottom: 6px; }
#table > thead { position: sticky; top: 0; background: var(--paper); z-index: 2; }
#table button { font: inherit; color: inherit; background: none; border: 0; padding: 0; text-align: left; cursor: pointer; }
#table thead button:hover { color: var(--ink); }
#table thead button::after { content: ""; display: inline-block; margin-left: 5px; width: .7em; }
#table [aria-sort] button { color: var(--ink); font-weight: 650; }
#table [aria-sort=ascending] button::after { content: "↑" / ""; }
#table [aria-sort=descending] button::after { content: "↓" / ""; }
/* Rows are grids, so that the browser need not lay out those that are far away: a table's own rows cannot do that. */
#table, #table > thead, #rows { display: block; }
#table > thead > tr, #rows > tr { display: grid;
  grid-template-columns: 26fr 9.5fr 9fr 7fr 7fr 17.5fr 10.5fr 6fr 7.5fr; border-bottom: 1px solid var(--line); }
#table > thead > tr > *, #rows > tr > * { display: block; min-width: 0; border: 0; }
@media screen { #rows > tr { content-visibility: auto; contain-intrinsic-size: auto 47px; } }
#rows > tr[hidden] { display: none; }
#rows > tr > th, #rows > tr > td { padding-right: 12px; }
#rows > tr > th, #table > thead th:first-child { padding-left: 18px; }
#rows > tr > th bdi { font-weight: 600; }
#rows > tr > th small { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#rows > tr > th button { width: 100%; }
#rows > tr[data-f]:hover { background: var(--panel); }
#rows button[aria-expanded]::before { content: "›" / ""; float: left; width: 14px; margin-left: -14px; color: var(--soft); }
#rows button[aria-expanded=true]::before { content: "⌄" / ""; }
.apart { color: var(--bad); font-weight: 650; } .apart::before { content: "≠ "; }
.bad { color: var(--bad); font-weight: 650; }
.called { font-weight: 600; }
.q { color: var(--soft); }
.f { display: inline-block; max-width: 100%; margin: 0 6px 1px 0; padding: 0 6px; border-radius: 3px; font-size: 12px;
  border: 1px solid var(--line); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom; }
.f.block { background: var(--badtint); color: var(--bad); border-color: var(--bad); font-weight: 650; }
.f.warn { background: var(--warntint); color: var(--warn); border-color: transparent; }
.f.info, .f.more { color: var(--soft); } .f.waived { color: var(--soft); border-style: dashed; text-decoration: line-through; }
#table.empty::after { content: "No host fits."; display: block; padding: 20px 0; }
#rows > tr.detail { display: block; content-visibility: visible; }
#rows > tr.detail > td { background: var(--panel); padding: 16px 20px 20px; }
.unfolded { display: grid; gap: 18px; }
.views { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 16px 32px; }
dl div { display: flex; gap: 10px; } dt { color: var(--soft); min-width: 8.5em; }
.found > li { padding: 6px 0; } .found b { margin: 0 10px; font-weight: 650; } .found code { color: var(--soft); }
.found p, .found em { display: block; margin-left: 72px; max-width: 62em; }
.found pre { margin: 2px 0 2px 72px; white-space: pre-wrap; color: var(--soft); }
.unfolded tr.plain td { font-weight: 600; }
footer { padding-top: 20px; padding-bottom: 48px; color: var(--soft); font-size: 13px; }
footer p { border-top: 1px solid var(--line); padding-top: 16px; }
noscript p { color: var(--soft); margin-bottom: 10px; }
"""

_MEDIA = r"""
@media (max-width: 1000px) {
  header, main, footer { padding-left: 18px; padding-right: 18px; }
  .pair { grid-template-columns: 1fr; }
  .wide { overflow-x: auto; }
  #table { min-width: 1040px; }
  #table > thead { position: static; }
  #query { width: 100%; }
  article { grid-template-columns: minmax(0, 1fr); }
  article > * { grid-column: 1 !important; grid-row: auto !important; justify-self: start; }
  .evidence li { grid-template-columns: 1fr; } .evidence em { grid-column: 1; }
}
@media print {
  body { font-size: 9.5pt; background: #fff; }
  #tools, .skip, article > a, .next a { display: none !important; }
  .evidence, .names { max-height: none; overflow: visible; }
  tr, article, .next li { break-inside: avoid; }
  #table > thead { position: static; }
  .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  a { color: inherit; text-decoration: none; }
}
@media (forced-colors: active) { .mark { background: CanvasText; forced-color-adjust: none; } }
"""

STYLE = _COLOURS + _TEXT + _SECTIONS + _HOSTS + _MEDIA
