/** Holds the style of the page that `mlv diff --html` writes. */
export const DIFF_STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --dim: #59636e; --page: #fff; --card: #f6f8fa; --line: #d1d9e0;
  --add: #116329; --add-back: #dafbe1; --del: #a40e26; --del-back: #ffebe9; --mod: #7d4e00; --mod-back: #fff8c5; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --dim: #9198a1; --page: #0d1117; --card: #151b23; --line: #3d444d;
  --add: #7ee787; --add-back: #12361f; --del: #ffa198; --del-back: #45191c; --mod: #e3b341; --mod-back: #3a2d0a; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
h1, h2, h3, td, th, code { overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0; }
p { margin: .4rem 0; } ul { margin: .4rem 0; padding-left: 1.3rem; } .dim { color: var(--dim); } .bad { color: var(--del); }
code { font: .9em ui-monospace, monospace; }
.tag { font-size: .75rem; font-weight: 600; padding: .1rem .5rem; border-radius: 1rem; background: var(--mod-back); color: var(--mod); }
.tag.added { background: var(--add-back); color: var(--add); } .tag.deleted { background: var(--del-back); color: var(--del); }
ins, .added td { background: var(--add-back); color: var(--add); text-decoration: none; }
del, .removed td { background: var(--del-back); color: var(--del); }
.removed td { text-decoration: none; }
details { margin: .6rem 0; } summary { cursor: pointer; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin: .4rem 0; font-size: .9rem; }
td, th { border: 1px solid var(--line); padding: .2rem .6rem; text-align: left; vertical-align: top; min-width: 4rem; }
.number { text-align: right; white-space: nowrap; }
`;
