/**
 * How the report looks: on a phone, on a desktop, in the dark, on paper. Light colours are the ground rule, so
 * that paper gets them; the dark ones hold for screens alone. Texts have a contrast of at least 4.5 to their
 * ground, lines of 3 (WCAG 2.2, 1.4.3 and 1.4.11). Lines differ in hue, lightness and dash: hues that the
 * usual kinds of colour blindness tell apart (after Okabe and Ito), and a dash pattern for print without colour.
 * The widths at which charts change agree with ticks.ts.
 */

export const LIGHT_COLOURS = `--page: #f5f6f8; --card: #fff; --line: #e1e4e9; --foot: #9aa3b0; --text: #191d24; --dim: #5a6371;
--accent: #0b5fbf; --accent-wash: #e6f0fb; --good: #17703a; --warn: #8a5000; --bad: #b3231a; --shade: #8a93a222; 
--warn-wash: #fdf1dc; --bad-wash: #fdebe9;
--s0: #0b5fbf; --s1: #008062; --s2: #c04a00; --s3: #a0387f; --s4: #3d4451; --s5: #6d6a00; --s6: #0081a8;`;

export const DARK_COLOURS = `--page: #101318; --card: #181c23; --line: #2b313b; --foot: #6b7686; --text: #e7eaef; --dim: #9fa9b7;
--accent: #6aa9ff; --accent-wash: #18263a; --good: #55c983; --warn: #ecb650; --bad: #ff8a80; --shade: #c2cad824; 
--warn-wash: #2d2413; --bad-wash: #331d1c;
--s0: #6aa9ff; --s1: #2fc79c; --s2: #ff9351; --s3: #e58ac9; --s4: #c3cad6; --s5: #cfc850; --s6: #4cc4ea;`;

const PAGE = `
:root { color-scheme: light; ${LIGHT_COLOURS} }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; ${DARK_COLOURS} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: break-word; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 48px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; }
header .eyebrow { color: var(--dim); margin: 0; font-weight: 600; font-size: 13px; }
h1 { font-size: 24px; line-height: 1.25; margin: 2px 0 4px; letter-spacing: -.015em; }
h1 .method { color: var(--dim); font-weight: 500; }
h2 { font-size: 17px; line-height: 1.3; margin: 0 0 10px; letter-spacing: -.01em; }
h2.second { margin-top: 22px; }
h3 { font-size: 14px; margin: 0; }
p { margin: 0 0 8px; } p:last-child { margin-bottom: 0; }
ul { margin: 0; padding-left: 18px; }
.about, .note, .empty { color: var(--dim); } .note { font-size: 13px; } .about { margin: 0; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; min-width: 0; }
.pills { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 10px; }
.pill { border: 1px solid currentColor; border-radius: 99px; padding: 1px 11px; font-size: 12.5px; font-weight: 600; }
.verdict { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 14px; border-left-width: 6px; }
.verdict h2 { font-size: 20px; margin-bottom: 2px; } .verdict h3 { margin-bottom: 3px; }
.verdict .sentence { font-weight: 500; }
.sign { width: 30px; height: 30px; border-radius: 50%; display: grid; place-items: center; font-weight: 700; font-size: 16px; }
.fair { border-left-color: var(--accent); } .fair .sign { background: var(--accent-wash); color: var(--accent); }
.client { border-left-color: var(--warn); } .client .sign { background: var(--warn-wash); color: var(--warn); }
.verdict.bad { border-left-color: var(--bad); color: inherit; font-weight: inherit; } .verdict.bad .sign { background: var(--bad-wash); color: var(--bad); }
.reasons { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 12px 28px; margin-top: 12px; }
.interrupted, .warning { background: var(--warn-wash); color: var(--text); border-radius: 8px; padding: 8px 12px; }
.warning { margin-top: 14px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); gap: 12px; }
.tile { padding: 14px 16px; } .tile h2 { font-size: 13px; font-weight: 600; color: var(--dim); margin: 0 0 2px; letter-spacing: 0; }
.tile p { margin: 0 0 3px; } .tile .note { line-height: 1.4; }
.figure { font-size: 26px; line-height: 1.25; font-weight: 650; letter-spacing: -.02em; white-space: nowrap; }
.ratio { font-size: 12.5px; font-weight: 600; white-space: nowrap; color: var(--dim); } .ratio.better { color: var(--good); } .ratio.worse { color: var(--bad); }
.compared > span { white-space: nowrap; } .compared .ratio { display: inline-block; min-width: 9.5em; margin-left: 6px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 16px 24px; }
.pair > * { min-width: 0; }
.beside { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px 32px; }
@media (min-width: 900px) { .beside { grid-template-columns: minmax(0, 1fr) minmax(270px, auto); } .beside > :last-child { max-width: 440px; } }
a, summary { color: var(--accent); } summary { cursor: pointer; font-weight: 600; padding: 6px 0; width: fit-content; }
/* What comes from outside may be one endless word; our own labels are broken between words alone. */
h1, .given, .name, .address, .sentence, li, dd, .figure + .note { overflow-wrap: anywhere; }
code { font: 0.93em ui-monospace, "Liberation Mono", Menlo, monospace; white-space: nowrap; }
button { font: inherit; font-weight: 600; color: var(--card); background: var(--accent); border: 0; border-radius: 8px; padding: 9px 16px; cursor: pointer; min-height: 40px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
footer { color: var(--dim); font-size: 12.5px; }
.spoken { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }
`;

const TABLES = `
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; color: var(--dim); }
thead th { color: var(--dim); font-size: 12.5px; font-weight: 500; vertical-align: bottom; }
th, td { text-align: left; padding: 6px 16px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; } tbody tr:last-child > * { border-bottom: 0; }
th.n, td.n { text-align: right; white-space: nowrap; } thead th.n { white-space: normal; } td .good, td .bad { white-space: nowrap; }
tbody th { color: var(--text); } .name { font-weight: 600; } .meaning { display: block; }
.bar { display: block; margin-top: 5px; max-width: 260px; } .track { fill: var(--line); } .share { fill: var(--s0); }
.bar.bad .share, .bar.mixed .track { fill: var(--bad); }
.facts { margin: 0; } .facts > div { display: flex; justify-content: space-between; gap: 4px 18px; padding: 6px 0; border-bottom: 1px solid var(--line); }
.facts > div:last-child { border-bottom: 0; } dt { color: var(--dim); flex: 0 1 auto; } dd { margin: 0; text-align: right; flex: none; max-width: 68%; }
.address { display: block; } .stacked { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; } .brief { max-width: 720px; } details { margin-top: 10px; }
details table { font-size: 13px; } details th, details td { padding-right: 12px; }
@media (max-width: 720px) {
table.folds, .folds tbody, .folds tr, .folds th, .folds td { display: block; }
.folds thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.folds tbody tr { padding: 8px 0; border-bottom: 1px solid var(--line); } .folds tbody tr:last-child { border-bottom: 0; }
.folds tbody th { font-weight: 600; padding: 0 0 2px; border: 0; }
.folds tbody td { display: flex; justify-content: space-between; gap: 16px; padding: 1px 0; border: 0; text-align: right; white-space: normal; }
.folds tbody td::before { content: attr(data-label); color: var(--dim); text-align: left; flex: none; max-width: 55%; }
.folds tbody td:empty { display: none; }
.folds .compared .ratio { min-width: 0; }
details .folds tbody { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 0 24px; }
}
`;

const CHARTS = `
.chart { margin: 0 0 20px; min-width: 0; container-type: inline-size; position: relative; }
.chart:last-child, .beside .chart { margin-bottom: 0; }
.chart figcaption { margin-bottom: 6px; } .chart figcaption .note { max-width: 78ch; margin-top: 2px; }
.legend { list-style: none; margin: 0 0 6px; padding: 0; display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 12.5px; }
.legend li { display: flex; align-items: center; gap: 7px; } .swatch { flex: none; overflow: visible; vertical-align: middle; }
.axis-title { font-size: 11.5px; color: var(--dim); margin: 0 0 8px; }
.below { display: flex; flex-wrap: wrap; gap: 0 16px; margin-top: 24px; min-height: 1.5em; } .below .axis-title { margin: 0 10px 0 auto; line-height: 1.8; }
.lanes-1 { margin-top: 18px; } .lanes-2 { margin-top: 27px; } .lanes-3 { margin-top: 36px; } .lanes-4 { margin-top: 45px; } .lanes-5 { margin-top: 54px; } .lanes-6 { margin-top: 63px; }
.plot { margin-left: 64px; margin-right: 10px; } .plot.tall { height: 280px; } .plot.low { height: 170px; }
.plot > svg { display: block; overflow: visible; } .lines { overflow: visible; } .missed { overflow: visible; }
.grid line { stroke: var(--line); stroke-width: 1; shape-rendering: crispEdges; } .grid .foot { stroke: var(--foot); }
.labels text { fill: var(--dim); font-size: 11.5px; }
.line, .dot { fill: none; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.dot { stroke-width: 7; stroke-linecap: round; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); } .s3 { stroke: var(--s3); }
.s4 { stroke: var(--s4); } .s5 { stroke: var(--s5); } .s6 { stroke: var(--s6); } .s-bad { stroke: var(--bad); }
.level { stroke: var(--text); } .thin { stroke: var(--foot); stroke-width: 1.25; }
.line.s0 { stroke-width: 2.25; } .lines .line.dense { stroke-width: 1.25; } .line.s2 { stroke-dasharray: 7 3; } .line.s3 { stroke-dasharray: 2 2.5; }
.line.s4 { stroke-dasharray: 9 3 2 3; } .line.s5 { stroke-dasharray: 4 3; } .line.s6 { stroke-dasharray: 12 4; }
.line.s-bad { stroke-dasharray: 5 2 1.5 2; } .line.level { stroke-width: 1.25; stroke-dasharray: 3 3; }
.shade { fill: var(--shade); } .patterns { position: absolute; }
.m0 { fill: var(--s2); } .m1 { fill: var(--s3); } .m2 { fill: var(--s6); } .m3 { fill: var(--s1); } .m4 { fill: var(--bad); } .m5 { fill: var(--s4); }
.m-client-cpu { fill: url(#p-client-cpu); } .m-client-waited-for-cpu { fill: url(#p-client-waited-for-cpu); }
.m-late-timers { fill: url(#p-late-timers); } .m-receive-queue-full { fill: url(#p-receive-queue-full); }
.m-no-source-port { fill: url(#p-no-source-port); } .m-no-descriptor { fill: url(#p-no-descriptor); }
circle.met { fill: var(--good); stroke: var(--card); } .missed path { stroke: var(--bad); stroke-width: 2.5; fill: none; }
.wide { display: none; }
@container (min-width: 500px) { .wide { display: inline; } .narrow { display: none; } }
.cursor { stroke: var(--text); stroke-width: 1; visibility: hidden; pointer-events: none; }
.plot { position: relative; } .reader { position: absolute; inset: 0; cursor: crosshair; } .reads .cursor.on { visibility: visible; }
.read-out { font-size: 12.5px; margin: 0 0 0 64px; display: flex; flex-wrap: wrap; gap: 0 14px; } .read-out b { font-weight: 600; }
`;

const NARROW = `
@media (max-width: 520px) {
main { padding: 16px 10px 32px; gap: 12px; } .card { padding: 14px; } h1 { font-size: 20px; }
.tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; } .tile { padding: 12px; } .figure { font-size: 21px; }
.plot { margin-left: 60px; margin-right: 4px; } .plot.tall { height: 240px; } .read-out { margin-left: 0; } .reads .read-out { flex-basis: 100%; min-height: 1.5em; order: 1; } .verdict { grid-template-columns: minmax(0, 1fr); gap: 8px; }
.ratio { white-space: normal; } th, td { padding-right: 10px; }
}
`;

/** A4: 182 mm between the margins. What needs a pointer is left out, and no chart is cut by the end of a page. */
const PAPER = `
@page { size: A4; margin: 14mm; }
@media print {
* { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body { background: #fff; font-size: 10pt; } main { display: block; max-width: none; padding: 0; }
main > * { margin-bottom: 10pt; } .card { border-radius: 0; border-width: 0 0 1px; padding: 6pt 0 10pt; }
.verdict { border: 1px solid var(--line); border-left: 5pt solid; padding: 10pt; } .verdict.fair { border-left-color: var(--accent); } .verdict.client { border-left-color: var(--warn); } .verdict.bad { border-left-color: var(--bad); }
.tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 6pt; } .tile { border: 1px solid var(--line); padding: 6pt 8pt; break-inside: avoid; }
.figure { font-size: 17pt; } .plot.tall { height: 62mm; } .plot.low { height: 38mm; }
.pair { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 8pt 16pt; } .beside { grid-template-columns: minmax(0, 1fr); gap: 8pt; } .beside > :last-child { max-width: 125mm; }
.chart, .verdict, .split > .card, table, tr, .facts > div, .warning { break-inside: avoid; } h1, h2, h3 { break-after: avoid; }
th, td, .facts > div { padding-top: 3pt; padding-bottom: 3pt; }
.screen, details, .read-out, .reader, .cursor { display: none; }
}
`;

export const REPORT_STYLE = PAGE + TABLES + CHARTS + NARROW + PAPER;
