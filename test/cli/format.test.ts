import { describe, expect, test } from "vitest";
import { formatBytes, formatColumns, formatCount, formatDuration, formatPlural } from "../../src/cli/format.ts";

describe("for people", () => {
  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [102_348, "99.9 KiB"],
    [102_400, "100 KiB"],
    [1_048_575, "1.0 MiB"],
    [2 * 1024 ** 3, "2.0 GiB"],
    [5 * 1024 ** 6, "5120 PiB"],
  ])("%d bytes are %s", (bytes, shown) => {
    expect(formatBytes(bytes)).toBe(shown);
  });

  test("a rate that is no whole number of bytes is rounded", () => {
    expect(formatBytes(0.4)).toBe("0 B");
    expect(formatBytes(333.3333)).toBe("333 B");
  });

  test.each([
    [0, "0.0 s"],
    [449, "0.4 s"],
    [9_960, "10 s"],
    [59_600, "1 min 00 s"],
    [185_000, "3 min 05 s"],
    [7_800_000, "2 h 10 min"],
  ])("%d ms are %s", (ms, shown) => {
    expect(formatDuration(ms)).toBe(shown);
  });

  test("counts have separators, and nouns their number", () => {
    expect([0, 999, 1000, 6_001_000].map(formatCount)).toEqual(["0", "999", "1,000", "6,001,000"]);
    expect([0, 1, 2].map((count) => formatPlural(count, "file"))).toEqual(["0 files", "1 file", "2 files"]);
    expect(formatPlural(2, "entry", "entries")).toBe("2 entries");
  });
});

describe("columns", () => {
  test("are aligned to the left, or to the right where that is asked, without trailing spaces", () => {
    expect(
      formatColumns(
        [
          ["a", "1", "x"],
          ["long", "100", ""],
        ],
        [1],
      ),
    ).toEqual(["a       1  x", "long  100"]);
  });

  test("count wide characters as two cells, and colours and combining marks as none", () => {
    expect(
      formatColumns([
        ["数据", "|"],
        ["ab", "|"],
        ["\u001b[31mred\u001b[39m", "|"],
        ["e\u0301", "|"],
      ]),
    ).toEqual(["数据  |", "ab    |", "\u001b[31mred\u001b[39m   |", "e\u0301     |"]);
  });
});
