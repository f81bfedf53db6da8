/** Turns markers and unsupported sentences of the parsed answer into elements, after everything was sanitised. */

import type { Element, ElementContent, Root, Text } from "hast";
import { unveil, VEILED_MARKER } from "../turns/citations";

export interface Marks {
  /** Where sentences stand that nothing supports, in UTF-16 units of the answer. */
  unsupported: { start: number; end: number }[];
}

/** A rehype plugin. */
export function rehypeMarks({ unsupported }: Marks) {
  return (tree: Root) => {
    tree.children = marked(tree.children as ElementContent[], unsupported);
  };
}

function marked(children: ElementContent[], spans: Marks["unsupported"]): ElementContent[] {
  return children.flatMap((child) => {
    if (child.type === "text") return pieces(child, spans);
    if (child.type !== "element") return [];
    if (typeof child.properties.href === "string")
      child.properties.href = plainAddress(child.properties.href);
    // A button within a link would be two things at once.
    if (["code", "pre", "a"].includes(child.tagName)) {
      restore(child);
      return [child];
    }
    child.children = marked(child.children, spans);
    return [child];
  });
}

function plainAddress(href: string): string {
  try {
    return unveil(decodeURI(href));
  } catch {
    return href;
  }
}

function restore(element: Element): void {
  for (const child of element.children) {
    if (child.type === "text") child.value = unveil(child.value);
    else if (child.type === "element") restore(child);
  }
}

/** Cuts a text where markers stand and where unsupported sentences begin and end. */
function pieces(text: Text, spans: Marks["unsupported"]): ElementContent[] {
  const origin = text.position?.start.offset;
  const cuts = new Set([0, text.value.length]);
  const markers = new Map<number, { index: number; end: number }>();
  for (const match of text.value.matchAll(VEILED_MARKER)) {
    const end = match.index + match[0].length;
    markers.set(match.index, { index: Number(match[1]), end });
    cuts.add(match.index).add(end);
  }
  if (origin !== undefined) {
    for (const { start, end } of spans) {
      for (const cut of [start - origin, end - origin]) {
        if (cut > 0 && cut < text.value.length && !insideMarker(markers, cut)) cuts.add(cut);
      }
    }
  }
  const points = [...cuts].sort((a, b) => a - b);
  return points.slice(0, -1).flatMap((from, i): ElementContent[] => {
    const to = points[i + 1] ?? from;
    const marker = markers.get(from);
    if (marker) return [markerElement(marker.index, (origin ?? 0) + from)];
    const piece: Text = { type: "text", value: text.value.slice(from, to) };
    if (origin === undefined || piece.value.trim() === "") return [piece];
    const at = origin + from;
    const isUnsupported = spans.some((span) => span.start <= at && at < span.end);
    return isUnsupported ? [element("mark", { dataUnsupported: "" }, [piece])] : [piece];
  });
}

function insideMarker(markers: Map<number, { end: number }>, cut: number): boolean {
  return [...markers].some(([start, { end }]) => start < cut && cut < end);
}

function markerElement(index: number, unit: number): Element {
  return element("sup", { dataIndex: index, dataUnit: unit }, []);
}

function element(tagName: string, properties: Element["properties"], children: ElementContent[]): Element {
  return { type: "element", tagName, properties, children };
}
