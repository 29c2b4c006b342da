/** Holds the style of the pages that `mlv diff --html` and `mlv report` write. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --dim: #59636e; --page: #fff; --card: #f6f8fa; --line: #d1d9e0;
  --add: #116329; --add-back: #dafbe1; --del: #a40e26; --del-back: #ffebe9; --mod: #7d4e00; --mod-back: #fff8c5; --chart: #0969da; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --dim: #9198a1; --page: #0d1117; --card: #151b23; --line: #3d444d;
  --add: #7ee787; --add-back: #12361f; --del: #ffa198; --del-back: #45191c; --mod: #e3b341; --mod-back: #3a2d0a; --chart: #58a6ff; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
h1, h2, h3, p, li, summary, .targets th { overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0; }
p { margin: .4rem 0; } ul { margin: .4rem 0; padding-left: 1.3rem; } .dim { color: var(--dim); } .bad { color: var(--del); }
code { font: .9em ui-monospace, monospace; }
.tag { white-space: nowrap; font-size: .75rem; font-weight: 600; padding: .1rem .5rem; border-radius: 1rem; background: var(--mod-back); color: var(--mod); }
.tag.added { background: var(--add-back); color: var(--add); } .tag.deleted { background: var(--del-back); color: var(--del); }
ins, .added td { background: var(--add-back); color: var(--add); text-decoration: none; }
del, .removed td { background: var(--del-back); color: var(--del); }
.added td, .removed td { white-space: nowrap; max-width: none; } .statistics td + td { min-width: 9rem; }
.facts th, .facts td { overflow-wrap: anywhere; }
details { margin: .6rem 0; } summary { cursor: pointer; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin: .4rem 0; font-size: .9rem; }
td, th { border: 1px solid var(--line); padding: .2rem .6rem; text-align: left; vertical-align: top; min-width: 4rem; max-width: 24rem; overflow-wrap: break-word; }
.number { text-align: right; white-space: nowrap; }
h2.part { margin: 2rem 0 .6rem; font-size: 1.2rem; } header h1 { margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .6rem; margin: 1rem 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem; }
.tiles dt { color: var(--dim); font-size: .85rem; } .tiles dd { margin: 0; font-size: 1.3rem; font-weight: 600; }
.chart { margin: 0; } .plot { display: grid; grid-template-columns: auto 1fr 1fr; gap: .2rem .6rem; margin-top: .5rem; font-size: .8rem; color: var(--dim); }
.plot svg { grid-area: 1 / 2 / 3 / 4; width: 100%; height: 10rem; border: solid var(--line); border-width: 0 0 1px 1px; overflow: visible; }
.top { grid-area: 1 / 1; } .zero { grid-area: 2 / 1; align-self: end; text-align: right; } .from { grid-area: 3 / 2; } .to { grid-area: 3 / 3; text-align: right; }
.line { fill: none; stroke: var(--chart); stroke-width: 2; vector-effect: non-scaling-stroke; } .area { fill: var(--chart); opacity: .15; }
.spark .area { opacity: .2; } .spark { display: block; width: 6rem; height: 1.5rem; } .spark .line { stroke-width: 1.5; }
section.commit { padding: .5rem 1rem; margin: .5rem 0; } .changes { list-style: none; padding: 0; } .changes li { margin: .25rem 0; overflow-wrap: anywhere; }
details.diff { border: 1px solid var(--line); border-radius: 8px; padding: .5rem 1rem; } details.diff > summary { padding: .2rem 0; }
details.diff[open] > summary { margin-bottom: .5rem; }
.targets { width: 100%; }
@media (max-width: 40rem) { section { padding: .8rem; } td, th { padding: .15rem .4rem; min-width: 2rem; }
  .pairs thead { display: none; } .lines, .lines tbody { display: block; } .lines tr { display: flex; flex-wrap: wrap; gap: 0 .6rem; padding: .3rem 0; border-top: 1px solid var(--line); }
  .lines td, .lines th, .statistics td + td { border: 0; padding: 0; min-width: 0; max-width: 100%; overflow-wrap: anywhere; }
  .pairs th[rowspan] { flex: 1 0 100%; } .pairs td + td + td::before, .statistics td:last-child::before { content: "→ "; color: var(--dim); }
  .targets thead { display: none; } .targets, .targets tbody { display: block; }
  .targets tr { display: flex; flex-wrap: wrap; gap: .1rem .9rem; align-items: center; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .targets td, .targets th { border: 0; padding: 0; min-width: 0; } .targets th { flex: 1 0 100%; } .targets br { display: none; } .targets td:empty, .targets td:nth-of-type(3) { display: none; } }
`;
