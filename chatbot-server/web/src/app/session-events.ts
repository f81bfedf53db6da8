/**
 * Keeps a chat that is open in step with what happens in it elsewhere: in another tab, on another device.
 *
 * The server says that something happened; what it was is read where it always is. A tab in the background listens to
 * nothing: browsers open about six connections to a server, and it catches up as soon as it is looked at.
 */

import { useEffect } from "react";
import { ApiError, send } from "../api/client";
import { pause } from "../api/pause";
import { forgetSession, noteMessage, storeSession } from "../api/queries";
import { readEvents } from "../api/sse";
import type { Id, SessionEvent } from "../api/types";
import { turns } from "../turns/store";
import { useVisible } from "../ui/media";

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

export function useSessionEvents(session: Id | null): void {
  const visible = useVisible();
  useEffect(() => {
    if (session === null || !visible) return;
    const left = new AbortController();
    void listen(session, left.signal);
    return () => left.abort();
  }, [session, visible]);
}

/** Listens until the session is gone or nobody wants to know any more; a connection that breaks is opened again. */
export async function listen(session: Id, signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      const response = await send(`/sessions/${session}/events`, { accept: "text/event-stream", signal });
      for await (const { data } of readEvents(response)) {
        wait = FIRST_WAIT_MS;
        const event = JSON.parse(data) as SessionEvent;
        take(session, event);
        if (event.type === "deleted") return;
      }
    } catch (error) {
      if (ApiError.from(error).status === 404 && !signal.aborted) return forgetSession(session);
    }
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

function take(session: Id, event: SessionEvent): void {
  switch (event.type) {
    case "session":
      storeSession(event.session);
      break;
    case "message": {
      // A question of this tab is on its way: once the server has begun to answer, the list is loaded anyway.
      const sent = turns.snapshot().outgoing.get(session);
      if (!sent || sent.error || sent.messageId) noteMessage(session, event.message);
      break;
    }
    case "deleted":
      forgetSession(session);
      break;
  }
}
