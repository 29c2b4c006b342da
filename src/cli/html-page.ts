import { createHash } from "node:crypto";
import { escapeHtml } from "../ops/content-diff.ts";
import { PAGE_STYLE } from "./page-style.ts";

/** Is the page that a report of mlv's is; `body` is HTML, the rest is text. */
export interface Page {
  /** The command that wrote it. */
  readonly generator: string;
  readonly title: string;
  readonly body: string;
}

/** Says of a page that this command wrote it; stands within the page's first 1,024 characters. */
export function generatorMark(generator: string): string {
  return `<meta name="generator" content="${escapeHtml(generator)}">`;
}

// The hash allows this style and no other; everything else, scripts and requests of any kind, is forbidden.
const STYLE_HASH = createHash("sha256").update(PAGE_STYLE).digest("base64");
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/** Returns one page that needs nothing else, runs nothing and asks for nothing, in light and dark. */
export function formatPage({ generator, title, body }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${generatorMark(generator)}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escapeHtml(generator)} ${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** Returns a part that opens at a click; both texts are HTML. What is wide scrolls by itself. */
export function details(title: string, content: string, isOpen: boolean): string {
  return `<details${isOpen ? " open" : ""}><summary>${title}</summary><div class="scroll">${content}</div></details>`;
}
