import fc from "fast-check";
import ignore from "ignore";
import { expect, test } from "vitest";
import { createMlvIgnore } from "../../src/git/ignore.ts";
import { compileSimpleRules, isSimpleRule } from "../../src/git/simple-rules.ts";

const letters = fc.constantFrom("a", "b", "A", "ä", ".", "$", "^", "+", "(", ")", "{", "}", "|", "-", "~", "\u{1f600}");
const segment = fc.string({ unit: letters, minLength: 1, maxLength: 5 }).filter((name) => !/^\.+$/.test(name));
const globs = fc.string({ unit: fc.oneof(letters, fc.constantFrom("*", "?")), minLength: 1, maxLength: 5 });
const anyRule = fc.string({
  unit: fc.oneof(letters, fc.constantFrom("*", "?", "/", "!", "#", "[", "]", " ", "\\")),
  minLength: 1,
  maxLength: 6,
});
const paths = fc.array(fc.tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean()), { minLength: 1, maxLength: 20 });

function decideByPackage(rules: readonly string[]): (path: string, isFolder: boolean) => boolean {
  const matcher = ignore({ ignorecase: false, allowRelativePaths: true }).add(rules);
  return (path, isFolder) => matcher.test(isFolder ? `${path}/` : path).ignored;
}

test("simple rules exclude exactly what the whole syntax excludes by them", () => {
  const simple = fc.tuple(fc.oneof(segment, globs), fc.constantFrom("", "/")).map(([name, slash]) => name + slash);
  fc.assert(
    fc.property(fc.array(simple.filter(isSimpleRule), { minLength: 1, maxLength: 4 }), paths, (rules, asked) => {
      const compiled = compileSimpleRules(rules);
      const decide = decideByPackage(rules);
      for (const [segments, isFolder] of asked) {
        const path = segments.join("/");
        expect([path, compiled.ignores(path, isFolder)]).toEqual([path, decide(path, isFolder)]);
      }
    }),
    { numRuns: 2000 },
  );
});

test("whatever rules a file mixes, the answers are those of the whole syntax", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(anyRule, globs), { minLength: 1, maxLength: 5 }), paths, async (rules, asked) => {
      const compiled = await createMlvIgnore(rules.join("\n"));
      const decide = decideByPackage(rules.filter((rule) => rule.trim() !== "" && !rule.startsWith("#")));
      for (const [segments, isFolder] of asked) {
        const path = segments.join("/");
        expect([path, compiled.ignores(path, isFolder)]).toEqual([path, decide(path, isFolder)]);
      }
    }),
    { numRuns: 1500 },
  );
});

test("names, globs and folders are simple; anchors, negations, classes and escapes are not", () => {
  for (const rule of [".DS_Store", "*.tmp", "build/", "a?c", "(1).txt", ".~lock.*"])
    expect([rule, isSimpleRule(rule)]).toEqual([rule, true]);
  for (const rule of ["/a", "a/b", "!a", "[ab]", "a\\*", "**", "**/a", "a b", "a ", "#a", ".", "/"])
    expect([rule, isSimpleRule(rule)]).toEqual([rule, false]);
});
