/** What the screen shows of one chat, put together from the list of messages and the turns that go on. */

import { useEffect, useMemo } from "react";
import { useMessages } from "../api/queries";
import type { Id, Message } from "../api/types";
import { setShell, shell, showLeaf, useShell } from "../app/shell-state";
import { type Answer, isFinal } from "../turns/reduce";
import { type Outgoing, type Request, turns, useTurns } from "../turns/store";

export interface Chat {
  messages: Message[];
  /** The question that the list does not have yet. */
  outgoing: Outgoing | null;
  /** Answers that are being made, by message. */
  answers: ReadonlyMap<Id, Answer>;
  /** The answer that is being made on this branch. */
  current: Answer | null;
  busy: boolean;
  query: ReturnType<typeof useMessages>;
}

export function useChat(session: Id | null): Chat {
  const { leaves } = useShell();
  const leaf = session === null ? null : (leaves[session] ?? null);
  const query = useMessages(session, leaf);
  const { answers, outgoing: all } = useTurns();
  const outgoing = all.get(session ?? "new") ?? null;

  const listed = useMemo(() => {
    const pages = query.data?.pages ?? [];
    return [...pages].reverse().flatMap((page) => page.items);
  }, [query.data]);

  // Answers that somebody began elsewhere are followed; those that the list knows to be over are forgotten.
  useEffect(() => {
    rememberEnds(listed);
    for (const message of listed) {
      if (!isFinal(message)) turns.follow(message);
      else if (turns.snapshot().answers.get(message.id)?.phase === "ended") turns.forget(message.id);
    }
    const sent = turns.snapshot().outgoing.get(session ?? "new");
    if (sent?.messageId && listed.some((message) => message.id === sent.messageId)) turns.settle(sent.chat);
  }, [listed, session]);

  return useMemo(() => {
    const known = cutAt(listed, outgoing?.replaces ?? null);
    const messages = known.map((message) => answers.get(message.id)?.message ?? message);
    const begun = outgoing?.messageId ? answers.get(outgoing.messageId) : undefined;
    if (begun && !messages.some((message) => message.id === begun.message.id)) {
      messages.push(begun.message);
    }
    const growing = messages.find((message) => !isFinal(message));
    const current = growing ? (answers.get(growing.id) ?? null) : null;
    const busy =
      current !== null || growing !== undefined || (outgoing !== null && !outgoing.error && !begun);
    return { messages, outgoing, answers, current, busy, query };
  }, [listed, outgoing, answers, query]);
}

/** The messages before `id`; all of them where there is no such message. */
function cutAt(messages: Message[], id: Id | null): Message[] {
  const at = id === null ? -1 : messages.findIndex((message) => message.id === id);
  return at < 0 ? messages : messages.slice(0, at);
}

/** The pickers' part of a request. */
function options(model: string | null) {
  const { strategy, collectionIds } = shell();
  return {
    stream: true as const,
    ...(strategy !== "auto" && { context_strategy: strategy }),
    ...(collectionIds.length > 0 && { collection_ids: [...collectionIds] }),
    ...(model !== null && { model }),
  };
}

export function ask(session: Id | null, text: string, model: string | null, parent: Id | null): void {
  const body = {
    message: text,
    ...options(model),
    ...(session !== null && { session_id: session }),
    ...(parent !== null && { parent_id: parent }),
  };
  start(session, text, null, { method: "POST", path: "/chat", body });
}

export function edit(message: Message, text: string, model: string | null): void {
  const path = `/sessions/${message.session_id}/messages/${message.id}`;
  const body = { message: text, ...options(model) };
  start(message.session_id, text, message.id, { method: "PUT", path, body });
}

export function regenerate(message: Message, model: string | null): void {
  const path = `/sessions/${message.session_id}/messages/${message.id}/regenerate`;
  start(message.session_id, null, message.id, { method: "POST", path, body: options(model) });
}

function start(session: Id | null, text: string | null, replaces: Id | null, request: Request): void {
  void import("./answer-text");
  const { panel } = shell();
  if (panel?.kind === "sources") setShell({ panel: { kind: "sources", messageId: null } });
  void turns.ask(session ?? "new", text, replaces, request);
}

/** Message → the end of the branch in which it was seen last. */
const ends = new Map<Id, Id>();

function rememberEnds(branch: Message[]): void {
  const end = branch.at(-1);
  if (end) for (const message of branch) ends.set(message.id, end.id);
}

/** Shows the branch that goes through `sibling`. */
export function showBranch(session: Id, sibling: Id): void {
  showLeaf(session, ends.get(sibling) ?? sibling);
}
