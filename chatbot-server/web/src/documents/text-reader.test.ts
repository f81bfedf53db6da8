import { describe, expect, it } from "vitest";
import { type LoadText, TextReader } from "./text-reader";

const TEXT = "Größe 😀 冷却ポンプ, ".repeat(40);
const BYTES = new TextEncoder().encode(TEXT);

/** A server that refuses parts that cut a character or end beyond the text. */
function strict(asked: unknown[]): LoadText {
  return async (part) => {
    asked.push(part);
    if (part === null) return BYTES;
    const cuts = (at: number) => ((BYTES[at] ?? 0) & 0xc0) === 0x80;
    if (part.end > BYTES.length || cuts(part.start) || cuts(part.end)) return null;
    return BYTES.slice(part.start, part.end);
  };
}

/** Reads everything around `middle` in parts of `size` bytes. */
async function readAll(reader: TextReader, middle: number, size: number): Promise<string> {
  let first = await reader.before(middle, size);
  let text = first.text;
  while (first.start > 0) {
    first = await reader.before(first.start, size);
    text = first.text + text;
  }
  let last = await reader.after(middle, size);
  text += last.text;
  while (!last.isLast) {
    last = await reader.after(last.end, size);
    text += last.text;
  }
  return text;
}

describe("TextReader", () => {
  const middle = new TextEncoder().encode(TEXT.slice(0, TEXT.indexOf("ポ", 200))).length;

  for (const size of [7, 50, 333, 100_000]) {
    it(`puts a text together from parts of ${size} bytes, long and short`, async () => {
      expect(await readAll(new TextReader(strict([]), false), middle, size)).toBe(TEXT);
      expect(await readAll(new TextReader(strict([]), true), middle, size)).toBe(TEXT);
    });
  }

  it("asks for parts of a long text only, and for a short one once", async () => {
    const long: unknown[] = [];
    await new TextReader(strict(long), false).before(middle, 100);
    expect(long).not.toContain(null);
    const short: unknown[] = [];
    await readAll(new TextReader(strict(short), true), middle, 50);
    expect(short).toEqual([null]);
  });

  it("takes parts that a server shortens", async () => {
    const lenient: LoadText = async (part) => BYTES.slice(part?.start ?? 0, part?.end);
    const part = await new TextReader(lenient, false).after(middle, 1_000_000);
    expect(part.isLast).toBe(true);
    expect(part.end).toBe(BYTES.length);
  });
});
