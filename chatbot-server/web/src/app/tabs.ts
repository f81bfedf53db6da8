/** Tells the other tabs of this browser that something happened in a session. */

import type { Id } from "../api/types";

const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("chatbot");

export function tellOtherTabs(session: Id): void {
  channel?.postMessage({ session });
}

export function onSessionChanged(listener: (session: Id) => void): () => void {
  const hear = (event: MessageEvent<{ session?: unknown }>) => {
    if (typeof event.data?.session === "string") listener(event.data.session);
  };
  channel?.addEventListener("message", hear);
  return () => channel?.removeEventListener("message", hear);
}
