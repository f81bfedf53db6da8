import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEvents, type ServerEvent, SseParser } from "./sse";

const STREAM = [
  "\uFEFF: a heartbeat\r\n",
  'id: 1\nevent: text\ndata: {"delta":"Größe 😀"}\n\n',
  "id: 2\r\nevent: text\r\ndata: one\r\ndata:two\r\n\r\n",
  "data:  spaced\rretry: 10\r\r",
  "event: nothing\n\n",
  "id\ndata\n\n",
  "data: not ended",
].join("");

const EVENTS: ServerEvent[] = [
  { id: "1", event: "text", data: '{"delta":"Größe 😀"}' },
  { id: "2", event: "text", data: "one\ntwo" },
  { id: "2", event: "message", data: " spaced" },
  { id: "", event: "message", data: "" },
];

/** Cuts `items` at arbitrary places. */
function cut<T extends { length: number }>(
  items: T,
  places: number[],
  slice: (from: number, to: number) => T,
): T[] {
  const at = [...new Set(places.map((place) => place % (items.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => slice(from, at[i] ?? items.length));
}

const respond = (pieces: Uint8Array[]) =>
  new Response(
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    }),
  );

describe("SseParser", () => {
  it("reads fields, comments and every kind of line end", () => {
    expect(new SseParser().push(STREAM)).toEqual(EVENTS);
  });

  it("gives the same events however the text is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 40 }), (places) => {
        const parser = new SseParser();
        const pieces = cut(STREAM, places, (from, to) => STREAM.slice(from, to));
        expect(pieces.flatMap((piece) => parser.push(piece))).toEqual(EVENTS);
      }),
    );
  });

  it("gives the same events however the bytes are cut", async () => {
    const bytes = new TextEncoder().encode(STREAM.replace("\uFEFF", ""));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(300), { maxLength: 40 }), async (places) => {
        const pieces = cut(bytes, places, (from, to) => bytes.slice(from, to));
        const events: ServerEvent[] = [];
        for await (const event of readEvents(respond(pieces))) events.push(event);
        expect(events).toEqual(EVENTS);
      }),
      { numRuns: 40 },
    );
  });
});
