/** How the page looks: the colours of the load report, on a desktop, on a phone, in the dark and on paper. No script. */
import { DARK_COLOURS, LIGHT_COLOURS } from '../../load/report/html/page-style.ts';

export const PAGE_STYLE = `
:root { color-scheme: light; ${LIGHT_COLOURS} }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; ${DARK_COLOURS} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 48px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; }
.eyebrow, .note { color: var(--dim); margin: 0; } .eyebrow { font-weight: 600; font-size: 13px; } .note { font-size: 13px; }
h1 { font-size: 24px; line-height: 1.25; margin: 2px 0 4px; } h2 { font-size: 17px; margin: 0 0 10px; } h3 { font-size: 15px; margin: 0 0 4px; }
p { margin: 0 0 8px; } code, pre { font: 0.92em ui-monospace, "Liberation Mono", Menlo, monospace; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; min-width: 0; }
.verdict { border-left: 6px solid var(--good); } .verdict.high { border-left-color: var(--bad); } .verdict.medium { border-left-color: var(--warn); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--dim); font-size: 12.5px; } tbody th { font-weight: 600; } tbody tr:last-child > * { border-bottom: 0; }
.matrix td { min-width: 104px; } .matrix tbody th { min-width: 150px; } .grid td, .grid th { white-space: nowrap; padding-right: 20px; } .grid td:last-child { color: var(--dim); }
.cell { display: inline-block; border-radius: 6px; padding: 1px 9px; font-weight: 600; font-size: 12.5px; border: 1px solid currentColor; text-decoration: none; }
.kept { color: var(--good); } .high { color: var(--bad); } .medium { color: var(--warn); } .low, .skipped { color: var(--dim); }
.verdict.high, .verdict.medium, .verdict.low, .verdict.kept { color: inherit; } a { color: var(--accent); }
.small { display: block; color: var(--dim); font-size: 12.5px; margin-top: 3px; }
article { border-top: 1px solid var(--line); padding-top: 14px; margin-top: 16px; } article:first-of-type { border-top: 0; margin-top: 0; padding-top: 0; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 3px 16px; margin: 8px 0; } dt { color: var(--dim); } dd { margin: 0; }
pre { margin: 4px 0; padding: 8px 10px; background: var(--page); border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 260px; overflow-y: auto; }
.wire { display: grid; grid-template-columns: 84px 92px minmax(0, 1fr); gap: 2px 10px; } .wire > span { color: var(--dim); padding-top: 8px; } .wire > .moment { text-align: right; }
.wire pre.out { border-left: 4px solid var(--s2); } .wire pre.in { border-left: 4px solid var(--s0); }
details { margin-top: 8px; } summary { cursor: pointer; color: var(--accent); font-weight: 600; padding: 4px 0; width: fit-content; }
.line { display: grid; grid-template-columns: 74px 100px minmax(0, 1fr); gap: 2px 12px; } .line span:nth-child(3n + 1) { text-align: right; color: var(--dim); } .line span:nth-child(3n + 2) { color: var(--dim); }
svg { display: block; width: 100%; height: auto; margin: 6px 0 10px; } svg text { fill: var(--dim); font-size: 11px; } .band { fill: var(--shade); } .band.odd { fill: var(--line); } .memory { fill: none; stroke: var(--s0); stroke-width: 2; vector-effect: non-scaling-stroke; }
.mark.high { fill: var(--bad); } .mark.medium { fill: var(--warn); } .mark.low { fill: var(--dim); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; } footer { color: var(--dim); font-size: 12.5px; }
@media (max-width: 560px) {
main { padding: 16px 10px 32px; gap: 12px; } .card { padding: 14px; } h1 { font-size: 20px; }
.wire, .line { grid-template-columns: minmax(0, 1fr); } .wire > .moment, .line span:nth-child(3n + 1) { text-align: left; padding-top: 4px; } .line span:nth-child(3n) { margin-bottom: 8px; }
.facts { grid-template-columns: minmax(0, 1fr); } .facts dd { margin-bottom: 6px; }
}
@media print { body { background: #fff; } main { display: block; padding: 0; max-width: none; } .card { border-radius: 0; margin-bottom: 10pt; } article, tr { break-inside: avoid; } }
`;
