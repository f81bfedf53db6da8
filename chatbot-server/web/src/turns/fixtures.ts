/** Messages and sources for tests. */

import type { Citation, Message, Source } from "../api/types";
import { emptyAnswer } from "./reduce";

export function aSource(change: Partial<Source> = {}): Source {
  return {
    index: 1,
    document_id: "d1",
    document_version: 1,
    chunk_id: "c1",
    title: "Manual",
    text: "The pump must be oiled every 400 hours.",
    page_start: 3,
    page_end: 3,
    heading: null,
    byte_start: 0,
    byte_end: 39,
    score: 0.5,
    scores: { dense: null, lexical: 0.5, rerank: null },
    metadata: {},
    deleted: false,
    ...change,
  };
}

export function aCitation(change: Partial<Citation> = {}): Citation {
  return {
    index: 1,
    text_start: 0,
    text_end: 10,
    quote: "every 400 hours",
    document_id: "d1",
    document_version: 1,
    page: 3,
    byte_start: 23,
    byte_end: 38,
    verified: true,
    ...change,
  };
}

export function anAnswer(change: Partial<Message> = {}): Message {
  const { message } = emptyAnswer({ id: "m1", sessionId: "s1", parentId: "q1" });
  return { ...message, state: "complete", ...change };
}
