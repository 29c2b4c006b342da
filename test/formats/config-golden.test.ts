import { describe, expect, test } from "vitest";
import { editConfig, parseLocalConfig, parseProjectConfig } from "../../src/formats/project-config.ts";
import { codeOf, readGolden, survivesFlips } from "./golden.ts";

const KINDS = [
  { kind: "project.yaml", parse: (text: string): unknown => parseProjectConfig(text, "mlv.yaml") },
  { kind: "local.yaml", parse: (text: string): unknown => parseLocalConfig(text, "local.yaml") },
];

describe.each(KINDS)("a configuration ($kind)", ({ kind, parse }) => {
  test("that is a valid golden file is taken, and stays as it is when a value is set and taken away again", () => {
    for (const { name, bytes } of readGolden("config", "valid", kind)) {
      const text = bytes.toString("utf8");
      expect([name, parse(text)]).toEqual([name, expect.objectContaining({ keys: expect.anything() })]);
      const edited = editConfig(editConfig(text, ["x-added", "inner"], "value", name), ["x-added", "inner"], undefined, name);
      expect([name, parse(edited)]).toEqual([name, parse(text)]);
    }
  });

  test("that is malformed is refused with the documented code", () => {
    for (const { name, bytes, code } of readGolden("config", "malformed", kind))
      expect([name, codeOf(() => parse(bytes.toString("utf8")))]).toEqual([name, code]);
  });

  test("with flipped bits never throws anything but an MlvError", () => {
    survivesFlips(
      readGolden("config", "valid", kind).map(({ bytes }) => bytes),
      (bytes) => parse(bytes.toString("utf8")),
    );
  });
});
