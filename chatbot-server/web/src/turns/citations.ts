/** Where `[n]` stands in an answer, and what number a reader sees. */

import type { Citation, Message, Source, TextSpan } from "../api/types";

const MARKER = /\[(\d{1,4})\]/g;

/** Source index → number shown, in the order in which the text cites them. */
export function renumber(content: string, sources: Pick<Source, "index">[]): Map<number, number> {
  const known = new Set(sources.map((source) => source.index));
  const shown = new Map<number, number>();
  for (const match of content.matchAll(MARKER)) {
    const index = Number(match[1]);
    if (known.has(index) && !shown.has(index)) shown.set(index, shown.size + 1);
  }
  return shown;
}

/** Offsets in code points turned into offsets in UTF-16 units, as strings here have them. */
export function toUnits(content: string, spans: TextSpan[]): { start: number; end: number }[] {
  if (spans.length === 0) return [];
  const wanted = new Set(spans.flatMap((span) => [span.text_start, span.text_end]));
  const units = new Map<number, number>();
  let points = 0;
  let unit = 0;
  for (const character of content) {
    if (wanted.has(points)) units.set(points, unit);
    points += 1;
    unit += character.length;
  }
  const at = (point: number) => units.get(point) ?? unit;
  return spans.map((span) => ({ start: at(span.text_start), end: at(span.text_end) }));
}

/** The citation that a marker at `unit` stands for: the one of this index whose sentence ends closest to it. */
export function citationAt(
  content: string,
  citations: Citation[],
  index: number,
  unit: number,
): Citation | undefined {
  const candidates = citations.filter((citation) => citation.index === index);
  const ends = toUnits(content, candidates).map((span) => Math.abs(span.end - unit));
  let best: number | undefined;
  ends.forEach((distance, i) => {
    if (best === undefined || distance < (ends[best] ?? Number.POSITIVE_INFINITY)) best = i;
  });
  return best === undefined ? undefined : candidates[best];
}

/** The answer as text for other programs: numbers as shown, and the sources named below. */
export function asCopied(message: Message, pageLabel: (page: number) => string): string {
  const shown = renumber(message.content, message.sources);
  const text = message.content.replace(MARKER, (marker, digits: string) => {
    const number = shown.get(Number(digits));
    return number === undefined ? marker : `[${number}]`;
  });
  const lines = cited(message.sources, shown).map((source) => {
    const page = source.page_start === null ? "" : `, ${pageLabel(source.page_start)}`;
    return `[${shown.get(source.index)}] ${source.title}${page}`;
  });
  return lines.length === 0 ? text : `${text.trimEnd()}\n\n${lines.join("\n")}`;
}

/** The sources that the text cites, in the order shown. */
export function cited(sources: Source[], shown: Map<number, number>): Source[] {
  return sources
    .filter((source) => shown.has(source.index))
    .sort((a, b) => (shown.get(a.index) ?? 0) - (shown.get(b.index) ?? 0));
}

// Markdown gives `[1]` a meaning of its own where a text defines it as a link. Markers therefore travel through the
// parser as private-use characters of the same length, so that offsets stay what they are.
const OPEN = "\uE000";
const CLOSE = "\uE001";
export const VEILED_MARKER = /\uE000(\d{1,4})\uE001/g;

/** Hides the markers of known sources from the Markdown parser. */
export function veil(content: string, shown: Map<number, number>): string {
  return content.replace(MARKER, (marker, digits: string) =>
    shown.has(Number(digits)) ? `${OPEN}${digits}${CLOSE}` : marker,
  );
}

/** Undoes [`veil`], where a marker stands in code or in an address. */
export function unveil(text: string): string {
  return text.replace(VEILED_MARKER, (_, digits: string) => `[${digits}]`);
}
