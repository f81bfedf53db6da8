/** What is open around the chat: the panels beside it, the branch that is shown, what the pickers say. */

import { useSyncExternalStore } from "react";
import type { Citation, Id, Source, Strategy } from "../api/types";

/** A passage of a document to open it at. */
export interface Passage {
  documentId: Id;
  version: number;
  title: string;
  page: number | null;
  heading: string | null;
  /** The passage's bytes in the version's text; `null` opens the document at its beginning. */
  range: { start: number; end: number; text: string } | null;
  /** What to point out within the passage. */
  quote: { start: number; end: number } | null;
}

export type Panel =
  | { kind: "sources"; messageId: Id | null }
  | { kind: "documents" }
  | { kind: "passage"; passage: Passage; from: Panel | null };

export interface ShellState {
  panel: Panel | null;
  sidebar: boolean;
  search: boolean;
  /** The branch that is shown, by session; the newest where none is named. */
  leaves: Readonly<Record<Id, Id>>;
  strategy: Strategy;
  /** Where to look; everywhere where there is none. */
  collectionIds: readonly Id[];
  /** The model that was picked; where none was, the session or the server chooses. */
  model: string | null;
}

let state: ShellState = {
  panel: window.matchMedia?.("(min-width: 1100px)").matches ? { kind: "sources", messageId: null } : null,
  sidebar: false,
  search: false,
  leaves: {},
  strategy: "auto",
  collectionIds: [],
  model: null,
};
const subscribers = new Set<() => void>();

export function setShell(change: Partial<ShellState>): void {
  state = { ...state, ...change };
  for (const subscriber of subscribers) subscriber();
}

export function shell(): ShellState {
  return state;
}

export function useShell(): ShellState {
  return useSyncExternalStore((subscriber) => {
    subscribers.add(subscriber);
    return () => subscribers.delete(subscriber);
  }, shell);
}

export function showLeaf(session: Id, leaf: Id | null): void {
  const { [session]: _, ...others } = state.leaves;
  setShell({ leaves: leaf === null ? others : { ...others, [session]: leaf } });
}

/** Opens the document of a source, at the source or at one citation of it. */
export function openPassage(source: Source, citation?: Citation): void {
  const quote = citation && { start: citation.byte_start, end: citation.byte_end };
  const passage: Passage = {
    documentId: source.document_id,
    version: source.document_version,
    title: source.title,
    page: citation?.page ?? source.page_start,
    heading: source.heading,
    range: { start: source.byte_start, end: source.byte_end, text: source.text },
    quote: quote ?? null,
  };
  const from = state.panel?.kind === "passage" ? state.panel.from : state.panel;
  setShell({ panel: { kind: "passage", passage, from } });
}
