import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteLength, sliceBytes, splitAtQuote, unitAt } from "./bytes";

describe("offsets in bytes", () => {
  it("find the same text as the bytes do", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 40 });
    fc.assert(
      fc.property(text, text, text, (before, quote, after) => {
        const start = byteLength(before);
        expect(sliceBytes(before + quote + after, start, start + byteLength(quote))).toBe(quote);
      }),
    );
  });

  it("inside a character stand for its beginning", () => {
    expect(unitAt("a😀b", 3)).toBe(1);
    expect(unitAt("a😀b", 5)).toBe(3);
    expect(unitAt("a😀b", 99)).toBe(4);
  });
});

describe("splitAtQuote", () => {
  const text = "Größe: 12 µm. 冷却ポンプ 😀 läuft.";
  const passage = { start: 1_000, end: 1_000 + byteLength(text), text };

  it("points out the quote within the passage", () => {
    const quote = "冷却ポンプ 😀";
    const start = 1_000 + byteLength(text.slice(0, text.indexOf(quote)));
    const parts = splitAtQuote(passage, { start, end: start + byteLength(quote) });
    expect(parts).toEqual(["Größe: 12 µm. ", quote, " läuft."]);
  });

  it("points out the whole passage where there is no quote in it", () => {
    expect(splitAtQuote(passage, null)).toEqual(["", text, ""]);
    expect(splitAtQuote(passage, { start: 0, end: 10 })).toEqual(["", text, ""]);
  });
});
