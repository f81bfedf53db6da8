/**
 * Reads a document's text in parts, by UTF-8 offsets of which only one end is known to be between two characters.
 *
 * A short text is loaded once and cut here. Of a long one only parts are asked for; a part that the server refuses, because
 * it cuts a character or goes beyond the end, is asked for again a little shorter, and after that the whole is loaded.
 */

/** Loads bytes `start..end` of the text, or all of it; `null` where there is no such part. */
export type LoadText = (part: { start: number; end: number } | null) => Promise<Uint8Array | null>;

export interface TextPart {
  text: string;
  start: number;
  end: number;
  /** Whether the text ends here. */
  isLast: boolean;
}

/** A character has at most four bytes. */
const LONGEST_CHARACTER = 4;

export class TextReader {
  private whole: Promise<Uint8Array> | null = null;
  private readonly load: LoadText;

  constructor(load: LoadText, isShort: boolean) {
    this.load = load;
    if (isShort) void this.all().catch(() => undefined);
  }

  /** Up to `size` bytes before `end`, which is between two characters. */
  async before(end: number, size: number): Promise<TextPart> {
    const start = Math.max(0, end - size);
    for (let shift = 0; this.whole === null && shift < LONGEST_CHARACTER; shift += 1) {
      const from = Math.min(start === 0 ? 0 : start + shift, end);
      const bytes = await this.load({ start: from, end });
      if (bytes) return { text: decode(bytes), start: from, end, isLast: false };
    }
    return cut(await this.all(), start, end);
  }

  /** Up to `size` bytes after `start`, which is between two characters. */
  async after(start: number, size: number): Promise<TextPart> {
    for (let shift = 0; this.whole === null && shift < LONGEST_CHARACTER; shift += 1) {
      const wanted = size - shift;
      const bytes = await this.load({ start, end: start + wanted });
      if (bytes) {
        return { text: decode(bytes), start, end: start + bytes.length, isLast: bytes.length < wanted };
      }
    }
    return cut(await this.all(), start, start + size);
  }

  private all(): Promise<Uint8Array> {
    this.whole ??= this.load(null).then((bytes) => {
      if (bytes === null) throw new Error("There is no text.");
      return bytes;
    });
    return this.whole;
  }
}

/** The characters that lie in `start..end` as a whole. */
function cut(bytes: Uint8Array, start: number, end: number): TextPart {
  const isInside = (at: number) => at < bytes.length && ((bytes[at] ?? 0) & 0xc0) === 0x80;
  let from = Math.min(start, bytes.length);
  while (isInside(from)) from += 1;
  let to = Math.min(end, bytes.length);
  while (to > from && isInside(to)) to -= 1;
  return { text: decode(bytes.subarray(from, to)), start: from, end: to, isLast: to === bytes.length };
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
