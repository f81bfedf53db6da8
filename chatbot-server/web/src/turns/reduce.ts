/** How an answer grows: a plain function from what was known and one event to what is known now. */

import type { Json, Message, SequencedEvent } from "../api/types";

/** What is being waited for, as far as the events say. */
export type Phase = "sending" | "searching" | "reading" | "thinking" | "writing" | "ended";

export interface Answer {
  message: Message;
  phase: Phase;
  /** The number of the last event that was seen. */
  seq: number;
  queries: string[];
}

/** An answer of which only the message is known, as a list of messages has it. */
export function answerFrom(message: Message): Answer {
  const phase: Phase = isFinal(message) ? "ended" : message.content === "" ? "searching" : "writing";
  return { message, phase, seq: 0, queries: [] };
}

/** The first state of an answer that was just begun. */
export function emptyAnswer(ids: { id: string; sessionId: string; parentId: string | null }): Answer {
  return answerFrom({
    id: ids.id,
    session_id: ids.sessionId,
    parent_id: ids.parentId,
    role: "assistant",
    state: "pending",
    content: "",
    citations: [],
    unsupported: [],
    sources: [],
    abstained: false,
    model: null,
    usage: { input_tokens: 0, output_tokens: 0, cost_usd: null, estimated: false },
    timings: { retrieval_ms: 0, first_token_ms: 0, total_ms: 0 },
    warnings: [],
    finish_reason: null,
    error: null,
    feedback: null,
    metadata: {},
    sibling_ids: [ids.id],
    created_at: new Date().toISOString(),
  });
}

export function isFinal(message: Message): boolean {
  return message.state !== "pending" && message.state !== "streaming";
}

/** Applies one event. Events that were seen before change nothing, so that a resumed stream may repeat itself. */
export function reduce(answer: Answer, event: SequencedEvent): Answer {
  if (event.seq <= answer.seq) return answer;
  // What a list said of a growing answer is older than the first event of its stream: begin again.
  const before = answer.seq === 0 && !isFinal(answer.message) ? cleared(answer) : answer;
  return { ...grown(before, event), seq: event.seq };
}

function cleared(answer: Answer): Answer {
  const message = { ...answer.message, content: "", citations: [], sources: [], warnings: [] };
  return { ...answer, message };
}

function grown(answer: Answer, event: SequencedEvent): Answer {
  const { message } = answer;
  switch (event.type) {
    case "started":
      return { ...answer, phase: "searching", message: { ...message, model: event.model } };
    case "rewritten":
      return { ...answer, phase: "searching", queries: event.queries };
    case "sources":
      return { ...answer, phase: "reading", message: { ...message, sources: event.sources } };
    case "thinking":
      return { ...answer, phase: answer.phase === "writing" ? "writing" : "thinking" };
    case "text":
      return {
        ...answer,
        phase: "writing",
        message: { ...message, state: "streaming", content: message.content + event.delta },
      };
    case "citation": {
      const { type: _, seq: __, ...citation } = event;
      return { ...answer, message: { ...message, citations: [...message.citations, citation] } };
    }
    case "tool_call": {
      const query = searchedFor(event.arguments);
      const isWaiting = answer.phase !== "writing" && query !== null;
      return isWaiting ? { ...answer, phase: "searching", queries: [query] } : answer;
    }
    case "tool_result":
      return { ...answer, message: { ...message, sources: [...message.sources, ...(event.sources ?? [])] } };
    case "warning": {
      const warning = { code: event.code, message: event.message };
      return { ...answer, message: { ...message, warnings: [...message.warnings, warning] } };
    }
    case "done":
    case "failed":
      return { ...answer, phase: "ended", message: authoritative(event.message, message) };
    default:
      return answer;
  }
}

/** What a call searches for, where it is a search. */
function searchedFor(args: Json): string | null {
  const isObject = typeof args === "object" && args !== null && !Array.isArray(args);
  return isObject && typeof args.query === "string" ? args.query : null;
}

/** The terminal event's message, with what only lists fill in taken from before. */
function authoritative(message: Message, before: Message): Message {
  const siblings = message.sibling_ids.length > 0 ? message.sibling_ids : before.sibling_ids;
  return { ...message, sibling_ids: siblings };
}
