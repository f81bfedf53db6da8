/**
 * The answers that are being made, outside of React: a turn goes on whatever is on the screen, and survives a broken
 * connection. Components read it through `useTurns`.
 */

import { useSyncExternalStore } from "react";
import { ApiError, send } from "../api/client";
import { randomKey } from "../api/key";
import { pause } from "../api/pause";
import { readEvents } from "../api/sse";
import type { ChatRequest, Feedback, Id, Message, SequencedEvent, TurnOptions } from "../api/types";
import { type Answer, answerFrom, emptyAnswer, isFinal, reduce } from "./reduce";

/** A question on its way: from the click until the list of messages has it. */
export interface Outgoing {
  /** The chat that it was asked in: a session, or `new`. */
  chat: string;
  /** What was asked; `null` where an answer is made again. */
  text: string | null;
  /** The message after whose parent it goes: that one and what follows it are hidden meanwhile. */
  replaces: Id | null;
  request: Request;
  key: string;
  sentAt: number;
  error: ApiError | null;
  sessionId: Id | null;
  userMessageId: Id | null;
  messageId: Id | null;
}

/** How to ask: the path says whether it is a new question, an edit or a repetition. */
export interface Request {
  method: "POST" | "PUT";
  path: string;
  body: ChatRequest | TurnOptions | (TurnOptions & { message: string });
}

export interface Turns {
  answers: ReadonlyMap<Id, Answer>;
  outgoing: ReadonlyMap<string, Outgoing>;
  /** The request that made an answer, for reports of errors. */
  requestIds: ReadonlyMap<Id, string>;
  /** Whether a stream is broken and being resumed. */
  reconnecting: boolean;
}

export interface TurnListener {
  started(outgoing: Outgoing & { sessionId: Id; messageId: Id }): void;
  ended(message: Message): void;
  lost(sessionId: Id): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;

export class TurnStore {
  private state: Turns = {
    answers: new Map(),
    outgoing: new Map(),
    requestIds: new Map(),
    reconnecting: false,
  };
  private readonly subscribers = new Set<() => void>();
  private readonly following = new Set<Id>();
  private readonly broken = new Set<Id>();
  private readonly stopWanted = new Set<string>();
  listener: TurnListener | null = null;

  readonly subscribe = (subscriber: () => void) => {
    this.subscribers.add(subscriber);
    return () => {
      this.subscribers.delete(subscriber);
    };
  };

  readonly snapshot = () => this.state;

  /** Sends a question. Its answer appears under `answers` as soon as the server has begun it. */
  async ask(chat: string, text: string | null, replaces: Id | null, request: Request): Promise<void> {
    const outgoing: Outgoing = {
      chat,
      text,
      replaces,
      request,
      key: randomKey(),
      sentAt: Date.now(),
      error: null,
      sessionId: null,
      userMessageId: null,
      messageId: null,
    };
    await this.deliver(outgoing);
  }

  /** Sends again what did not get through; the server recognises it by its key. */
  async retry(chat: string): Promise<void> {
    const outgoing = this.state.outgoing.get(chat);
    if (outgoing?.error) await this.deliver({ ...outgoing, error: null });
  }

  /** Forgets a question: the list of messages has it now, or it is not wanted any more. */
  settle(chat: string): void {
    const outgoing = new Map(this.state.outgoing);
    if (outgoing.delete(chat)) this.set({ outgoing });
  }

  /** Forgets an answer of which the list of messages knows the end. */
  forget(messageId: Id): void {
    const answers = new Map(this.state.answers);
    if (answers.delete(messageId)) this.set({ answers });
  }

  /** Follows an answer that somebody began: before a reload, or in another tab. */
  follow(message: Message): void {
    if (isFinal(message) || this.following.has(message.id)) return;
    if (!this.state.answers.has(message.id)) this.put(answerFrom(message));
    void this.resume(message.id);
  }

  /** Stops an answer, or a question that the server has not acknowledged yet. */
  async stop(chat: string, messageId: Id | null): Promise<void> {
    if (messageId === null) {
      this.stopWanted.add(chat);
      return;
    }
    await send(`/messages/${messageId}/stop`, { method: "POST" });
  }

  private async deliver(outgoing: Outgoing): Promise<void> {
    const { chat } = outgoing;
    this.putOutgoing(outgoing);
    let messageId: Id | null = null;
    try {
      const response = await send(outgoing.request.path, {
        method: outgoing.request.method,
        body: outgoing.request.body,
        accept: "text/event-stream",
        headers: { "Idempotency-Key": outgoing.key },
      });
      const requestId = response.headers.get("x-request-id");
      for await (const { data } of readEvents(response)) {
        const event = JSON.parse(data) as SequencedEvent;
        if (event.type === "started") {
          messageId = event.message_id;
          this.begin(outgoing, event, requestId);
        }
        if (messageId !== null) this.apply(messageId, event);
      }
      if (messageId === null) throw ApiError.network();
    } catch (error) {
      if (messageId === null) {
        this.stopWanted.delete(chat);
        this.putOutgoing({ ...outgoing, error: ApiError.from(error) });
        return;
      }
    } finally {
      if (messageId !== null) this.following.delete(messageId);
    }
    await this.resume(messageId);
  }

  private begin(
    outgoing: Outgoing,
    event: SequencedEvent & { type: "started" },
    requestId: string | null,
  ): void {
    const { session_id: sessionId, message_id: messageId, user_message_id: userMessageId } = event;
    const begun = { ...outgoing, sessionId, messageId, userMessageId };
    this.following.add(messageId);
    if (requestId !== null) {
      this.set({ requestIds: new Map(this.state.requestIds).set(messageId, requestId) });
    }
    if (!this.state.answers.has(messageId)) {
      this.put(emptyAnswer({ id: messageId, sessionId, parentId: userMessageId }));
    }
    // The page goes to the session's address before the question moves there: it is never out of sight.
    this.listener?.started(begun);
    const others = new Map(this.state.outgoing);
    others.delete(outgoing.chat);
    this.set({ outgoing: others.set(sessionId, { ...begun, chat: sessionId }) });
    if (this.stopWanted.delete(outgoing.chat)) void this.stop(sessionId, messageId).catch(() => undefined);
  }

  /** Reads an answer's stream from where it was left, until the answer has ended. */
  private async resume(messageId: Id): Promise<void> {
    if (this.following.has(messageId)) return;
    this.following.add(messageId);
    let wait = FIRST_WAIT_MS;
    try {
      while (!this.hasEnded(messageId)) {
        const seen = this.state.answers.get(messageId)?.seq ?? 0;
        try {
          await this.readOn(messageId, seen);
        } catch (error) {
          const { status } = ApiError.from(error);
          if (status === 404 || status === 410) return this.giveUp(messageId);
        }
        const answer = this.state.answers.get(messageId);
        if (!answer || this.hasEnded(messageId)) return;
        if (answer.seq > seen) wait = FIRST_WAIT_MS;
        this.mark(messageId, true);
        await pause(wait);
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      }
    } finally {
      this.following.delete(messageId);
      this.mark(messageId, false);
    }
  }

  private async readOn(messageId: Id, after: number): Promise<void> {
    const response = await send(`/messages/${messageId}/stream?after=${after}`, {
      accept: "text/event-stream",
      headers: { "Last-Event-ID": String(after) },
    });
    this.mark(messageId, false);
    for await (const { data } of readEvents(response)) {
      this.apply(messageId, JSON.parse(data) as SequencedEvent);
    }
  }

  private giveUp(messageId: Id): void {
    const sessionId = this.state.answers.get(messageId)?.message.session_id;
    this.forget(messageId);
    if (sessionId) this.listener?.lost(sessionId);
  }

  private apply(messageId: Id, event: SequencedEvent): void {
    const before = this.state.answers.get(messageId);
    if (!before) return;
    const after = reduce(before, event);
    if (after === before) return;
    this.put(after);
    if (after.phase === "ended" && before.phase !== "ended") this.listener?.ended(after.message);
  }

  private hasEnded(messageId: Id): boolean {
    const answer = this.state.answers.get(messageId);
    return !answer || answer.phase === "ended";
  }

  private mark(messageId: Id, isBroken: boolean): void {
    if (isBroken) this.broken.add(messageId);
    else this.broken.delete(messageId);
    if (this.state.reconnecting !== this.broken.size > 0) this.set({ reconnecting: this.broken.size > 0 });
  }

  private put(answer: Answer): void {
    this.set({ answers: new Map(this.state.answers).set(answer.message.id, answer) });
  }

  private putOutgoing(outgoing: Outgoing): void {
    this.set({ outgoing: new Map(this.state.outgoing).set(outgoing.chat, outgoing) });
  }

  private set(change: Partial<Turns>): void {
    this.state = { ...this.state, ...change };
    for (const subscriber of this.subscribers) subscriber();
  }
}

export const turns = new TurnStore();

export function useTurns(): Turns {
  return useSyncExternalStore(turns.subscribe, turns.snapshot);
}

/** Sends what a reader thought of an answer. */
export async function sendFeedback(messageId: Id, feedback: Feedback): Promise<void> {
  await send(`/messages/${messageId}/feedback`, { method: "PUT", body: feedback });
}
