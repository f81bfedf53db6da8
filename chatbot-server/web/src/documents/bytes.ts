/** Offsets in UTF-8 bytes, as documents have them, in strings, which count in UTF-16 units. */

const utf8Length = (point: number) => (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4);

/** The UTF-16 offset of a UTF-8 offset; one inside a character stands for its beginning. */
export function unitAt(text: string, byte: number): number {
  let bytes = 0;
  let unit = 0;
  for (const character of text) {
    bytes += utf8Length(character.codePointAt(0) ?? 0);
    if (bytes > byte) return unit;
    unit += character.length;
  }
  return unit;
}

/** The text between two UTF-8 offsets. */
export function sliceBytes(text: string, start: number, end: number): string {
  return text.slice(unitAt(text, start), unitAt(text, end));
}

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** A passage in three parts: what precedes the quote, the quote, what follows it. */
export function splitAtQuote(
  passage: { start: number; end: number; text: string },
  quote: { start: number; end: number } | null,
): [string, string, string] {
  const inside = quote && quote.start >= passage.start && quote.end <= passage.end && quote.start < quote.end;
  if (!inside) return ["", passage.text, ""];
  const from = unitAt(passage.text, quote.start - passage.start);
  const to = unitAt(passage.text, quote.end - passage.start);
  return [passage.text.slice(0, from), passage.text.slice(from, to), passage.text.slice(to)];
}
