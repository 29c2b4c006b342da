/** How lines end, as a trait of a text. */

/** Returns the trait `line ends`: LF, CRLF or mixed. */
export function lineEndTrait(traits: { readonly lfLines: number; readonly crlfLines: number }): Readonly<Record<string, string>> {
  const { lfLines, crlfLines } = traits;
  return { "line ends": crlfLines === 0 ? "LF" : lfLines === 0 ? "CRLF" : "mixed" };
}
