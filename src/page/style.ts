/**
 * The style sheet of the page, in two lights. Places are kept for what comes and goes, so that nothing jumps. Colours of
 * text have a contrast of 4.5 to 1 at least on what they stand on (WCAG 2.2, 1.4.3), lines and bars of 3 to 1.
 */

const COLOURS = `
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --line: #e1e4e9; --field: #8a93a1; --text: #181c23; --dim: #5a6270;
  --accent: #1a5fd0; --good: #17753b; --slow: #8a5200; --bad: #b8231a; --chip: #eceef2; --slow-back: #fdf1dc; --bad-back: #fdeceb;
  --s0: #1f6feb; --s1: #8250df; --s2: #c2570c;
  --accepted: #8a93a1; --head: #b97a00; --exchange: #1f6feb; --idle: #7fa6dd; --linger: #8250df; --closing: #5f6b7a; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1217; --card: #171b22; --line: #29303a; --field: #6b7686; --text: #e6e9ef; --dim: #9ba5b4;
  --accent: #79aefc; --good: #56c484; --slow: #eab75a; --bad: #ff8a82; --chip: #242a34; --slow-back: #33280f; --bad-back: #3a1c1b;
  --s0: #6aa5ff; --s1: #bb9af7; --s2: #f0a35e;
  --accepted: #7d8898; --head: #e0a93f; --exchange: #6aa5ff; --idle: #4d6f9f; --linger: #bb9af7; --closing: #97a2b1; } }
`;

const FRAME = `
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
h1, h2, h3, p, dl, dd { margin: 0; } h1 { font-size: 19px; letter-spacing: -.01em; }
h2 { font-size: 16px; } h3 { font-size: 14px; font-weight: 600; }
header, main, footer { max-width: 1320px; margin: 0 auto; padding: 0 20px; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 18px; padding-top: 16px; padding-bottom: 14px; }
.name { display: flex; align-items: center; gap: 10px; }
.facts { color: var(--dim); display: flex; flex-wrap: wrap; gap: 0 8px; overflow-wrap: anywhere; min-height: 1.45em; }
.facts span:not(:empty, :last-child)::after { content: "·"; margin-left: 8px; }
.tools { margin-left: auto; display: flex; flex-wrap: wrap; align-items: center; gap: 6px 16px; } nav { display: flex; gap: 16px; }
main { display: grid; gap: 14px; outline: none; } #content { display: grid; gap: 14px; } #sections { display: grid; gap: 14px; } #sections:empty { display: none; }
footer { color: var(--dim); font-size: 12.5px; padding-top: 16px; padding-bottom: 56px; }
a { color: var(--accent); } nav a { text-decoration: none; padding: 4px 0; } nav a:hover { text-decoration: underline; }
button { font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--field); border-radius: 7px; padding: 3px 12px; cursor: pointer; min-height: 30px; }
button[aria-pressed="true"] { background: var(--accent); border-color: var(--accent); color: var(--card); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -9999px; } .skip:focus { left: 12px; top: 8px; background: var(--card); padding: 6px 10px; z-index: 2; }
.hidden, .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.pill { display: inline-block; padding: 1px 10px; border-radius: 99px; border: 1px solid currentColor; font-weight: 600; font-size: 12px; color: var(--dim); vertical-align: 1px; }
.pill.good { color: var(--good); } .pill.slow { color: var(--slow); } .pill.bad { color: var(--bad); }
.grid { display: grid; gap: 14px; grid-template-columns: repeat(3, minmax(0, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; min-width: 0; }
.note { color: var(--dim); font-size: 13px; } .none { color: var(--dim); padding: 6px 0 2px; }
code, td.code, tbody th.code { font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.error { color: var(--bad); font-weight: 600; min-height: 1.45em; margin-top: 6px; }
#sign-in { max-width: 560px; margin: 8vh auto 0; padding: 20px 22px; } #sign-in form { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; margin-top: 14px; }
#sign-in label { font-weight: 600; } #sign-in input { font: inherit; flex: 1 1 180px; min-width: 0; padding: 5px 9px; color: var(--text); background: var(--page); border: 1px solid var(--field); border-radius: 7px; min-height: 32px; }
.away { position: fixed; inset: auto 0 0 0; background: var(--bad-back); color: var(--text); border-top: 2px solid var(--bad); padding: 10px 20px; text-align: center; z-index: 1; }
body[data-link="away"] #content, body[data-link="starting"] #content { opacity: .6; }
`;

const CHARTS = `
.chart { display: flex; flex-direction: column; } .chart .note { min-height: 1.45em; } .chart .legend { margin-top: auto; }
.title { display: flex; justify-content: space-between; gap: 12px; } .time { color: var(--dim); font-size: 12.5px; }
.figure { font-size: 25px; line-height: 1.25; letter-spacing: -.015em; white-space: nowrap; } .figure b { font-weight: 600; } .unit { font-size: 13px; color: var(--dim); letter-spacing: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 12.5px; color: var(--dim); padding: 8px 0 2px; min-height: 1.45em; }
.legend .item { white-space: nowrap; } .legend b { font-weight: 600; color: var(--text); display: inline-block; min-width: 3.6em; }
.swatch { display: inline-block; width: 10px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: 3px; }
.plot { height: 132px; min-width: 0; overflow: hidden; }
.u-cursor-x { border-right-color: var(--field) !important; }
`;

const TABLES = `
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; padding: 5px 16px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; }
thead th { color: var(--dim); font-size: 12px; white-space: nowrap; } tbody tr:last-child > * { border-bottom: 0; }
tr > :last-child { padding-right: 0; } .n { text-align: right; white-space: nowrap; } .zero { color: var(--dim); } .late { color: var(--slow); font-weight: 600; }
.scroll { overflow: auto; max-height: 560px; margin-top: 8px; } .scroll thead th { position: sticky; top: 0; background: var(--card); z-index: 1; box-shadow: 0 1px var(--line); border: 0; }
.request { min-width: 220px; max-width: 460px; } .what { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.who { display: block; color: var(--dim); font-size: 12.5px; overflow-wrap: anywhere; }
.amounts, .share { min-width: 190px; } .progress { display: block; height: 7px; border-radius: 4px; background: var(--chip); overflow: hidden; margin: 6px 0 3px; } .part { display: block; height: 100%; background: var(--s0); border-radius: 4px; }
.unbarred .progress { display: none; } .unbarred .amount { color: var(--dim); }
.endless .part { background: repeating-linear-gradient(135deg, var(--s0) 0 5px, transparent 5px 11px); opacity: .55; } .amount { font-size: 12.5px; white-space: nowrap; }
.phase { min-width: 190px; } .chip { display: inline-block; padding: 1px 9px; border-radius: 6px; background: var(--chip); font-size: 12.5px; white-space: nowrap; }
.chip.slow { background: var(--slow-back); color: var(--slow); } .options { overflow-wrap: anywhere; }
tr.slow > :first-child { box-shadow: inset 3px 0 var(--slow); padding-left: 9px; } tr.good > :first-child { box-shadow: inset 3px 0 var(--good); padding-left: 9px; } tr.bad > :first-child { box-shadow: inset 3px 0 var(--bad); padding-left: 9px; } tr.bad > :first-child { color: var(--bad); font-weight: 600; }
.column { display: grid; gap: 14px; align-content: start; } .counters table { margin-top: 6px; }
.states-bar { display: flex; gap: 1px; height: 10px; border-radius: 5px; overflow: hidden; background: var(--chip); margin: 12px 0 8px; }
#states > div { display: flex; justify-content: space-between; gap: 12px; padding: 5px 0; border-bottom: 1px solid var(--line); } #states > div:last-child { border: 0; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 3px; margin-right: 8px; } .meaning { color: var(--dim); margin-left: 8px; font-size: 12.5px; }
.accepted { background: var(--accepted); } .head { background: var(--head); } .exchange { background: var(--exchange); } .idle { background: var(--idle); } .linger { background: var(--linger); } .closing { background: var(--closing); }
.bars { white-space: nowrap; width: 70%; } .bars .bar { display: inline-block; height: 10px; border-radius: 3px; background: var(--s0); margin-right: 8px; }
#histogram-table td, #histogram-table tbody th { padding-top: 2px; padding-bottom: 2px; } #histogram-table th { white-space: nowrap; } #histogram-table th[scope="row"] { text-align: right; }
`;

const NARROW = `
@media (max-width: 1080px) { .grid { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media (max-width: 720px) {
th, td { padding-right: 10px; } thead th { font-size: 11.5px; }
header, main, footer { padding-left: 12px; padding-right: 12px; } .grid { grid-template-columns: minmax(0, 1fr); gap: 12px; } .tools { margin-left: 0; width: 100%; justify-content: space-between; }
nav a, button { padding: 8px 12px; min-height: 40px; display: inline-flex; align-items: center; } nav { gap: 0; }
.card { padding: 12px 14px; }
.folds, .folds tbody, .folds th, .folds td { display: block; } .folds tbody tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 24px; }
.folds tbody :is(th, .amounts, .share, .phase, .options, .text, .code) { grid-column: 1 / -1; } .folds tbody .phase::before { display: none; } .folds thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.folds tbody tr { padding: 9px 0; border-bottom: 1px solid var(--line); } .folds tbody tr:last-child { border-bottom: 0; }
.folds th, .folds td { border: 0; padding: 1px 0; min-width: 0; max-width: none; }
.folds td:not(.amounts, .share) { display: flex; justify-content: space-between; gap: 16px; text-align: right; } .folds td:not(.amounts, .share)::before { content: attr(data-label); color: var(--dim); text-align: left; }
#transfers-table tbody tr { grid-template-columns: 1.5fr 1.2fr 1fr; gap: 0 10px; } #transfers-table td.n { justify-content: flex-start; gap: 6px; } #transfers-table .phase { margin: 3px 0; }
[data-label]::before { font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; flex: none; } .folds :is(.text, .code) { overflow-wrap: anywhere; }
.folds .what { white-space: normal; overflow-wrap: anywhere; } .scroll { max-height: 70vh; }
}
@media (prefers-reduced-motion: no-preference) { .part { transition: width .4s; } }
@media (forced-colors: active) { .part, .bar, .states-bar span, .dot, .swatch { forced-color-adjust: none; } }
`;

export const PAGE_STYLE: string = COLOURS + FRAME + CHARTS + TABLES + NARROW;
