import { describe, expect, it } from "vitest";
import type { SequencedEvent, TurnEvent } from "../api/types";
import { aCitation, anAnswer, aSource } from "./fixtures";
import { type Answer, answerFrom, emptyAnswer, reduce } from "./reduce";

const empty = () => emptyAnswer({ id: "m1", sessionId: "s1", parentId: "q1" });
const numbered = (events: TurnEvent[]) =>
  events.map((event, i): SequencedEvent => ({ ...event, seq: i + 1 }));
const played = (answer: Answer, events: SequencedEvent[]) => events.reduce(reduce, answer);

const { verified: _, ...rest } = aCitation();
const EVENTS = numbered([
  { type: "started", session_id: "s1", message_id: "m1", user_message_id: "q1", model: "extractive" },
  { type: "rewritten", queries: ["pump oil"] },
  { type: "sources", sources: [aSource()] },
  { type: "text", delta: "Every 400 " },
  { type: "text", delta: "hours [1]." },
  { type: "citation", ...rest, verified: true },
  { type: "warning", code: "lexical_only", message: "Searched by words only." },
]);
const DONE: SequencedEvent = { seq: 8, type: "done", message: anAnswer({ content: "Every 400 hours. [1]" }) };

describe("reduce", () => {
  it("says what is being waited for", () => {
    const phases = EVENTS.map((_, i) => played(empty(), EVENTS.slice(0, i + 1)).phase);
    expect(phases).toEqual(["searching", "searching", "reading", "writing", "writing", "writing", "writing"]);
  });

  it("collects text, sources, citations and warnings", () => {
    const { message, queries } = played(empty(), EVENTS);
    expect(message.content).toBe("Every 400 hours [1].");
    expect(message.state).toBe("streaming");
    expect(message.sources).toHaveLength(1);
    expect(message.citations).toEqual([aCitation()]);
    expect(message.warnings).toEqual([{ code: "lexical_only", message: "Searched by words only." }]);
    expect(queries).toEqual(["pump oil"]);
  });

  it("says what a model searches for before it writes", () => {
    const call: TurnEvent = {
      type: "tool_call",
      id: "a",
      name: "search_documents",
      arguments: { query: "oil" },
    };
    const { phase, queries } = played(empty(), numbered([call]));
    expect([phase, queries]).toEqual(["searching", ["oil"]]);
    const later = played(empty(), [...EVENTS, { ...call, seq: 8 }]);
    expect([later.phase, later.queries]).toEqual(["writing", ["pump oil"]]);
  });

  it("adds what a tool found to the sources", () => {
    const found: TurnEvent = { type: "tool_result", id: "a", result: {}, sources: [aSource({ index: 2 })] };
    const { message } = played(empty(), [...EVENTS, { ...found, seq: 8 }]);
    expect(message.sources.map((source) => source.index)).toEqual([1, 2]);
  });

  it("replaces everything by the last event's message", () => {
    const { message, phase } = played(empty(), [...EVENTS, DONE]);
    expect(phase).toBe("ended");
    expect(message.content).toBe("Every 400 hours. [1]");
    expect(message.state).toBe("complete");
    expect(message.sibling_ids).toEqual(["m1"]);
  });

  it("does not mind events that come twice", () => {
    const once = played(empty(), [...EVENTS, DONE]);
    const twice = played(empty(), [...EVENTS.slice(0, 5), ...EVENTS, DONE, DONE]);
    expect(twice.message.content).toBe(once.message.content);
    expect(twice.message.citations).toEqual(once.message.citations);
  });

  it("begins again where a list had part of an answer", () => {
    const listed = answerFrom(anAnswer({ state: "streaming", content: "Every 4", sources: [aSource()] }));
    expect(listed.phase).toBe("writing");
    expect(played(listed, EVENTS).message.content).toBe("Every 400 hours [1].");
  });

  it("keeps the text of an answer that was stopped", () => {
    const error = { code: "cancelled", reason: null, message: "Stopped.", retryable: false };
    const message = anAnswer({ state: "cancelled", content: "Every", error });
    const ended = played(empty(), [...EVENTS, { seq: 8, type: "failed", error, message }]);
    expect(ended.message.state).toBe("cancelled");
    expect(ended.message.content).toBe("Every");
  });
});
