import type { Session } from "../api/types";

export type Age = "pinned" | "today" | "yesterday" | "week" | "month" | "older";

const DAY_MS = 86_400_000;

/** Sessions by how long ago something happened in them, counted in calendar days. */
export function byAge(sessions: Session[], now: Date): { age: Age; sessions: Session[] }[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const order: Age[] = ["pinned", "today", "yesterday", "week", "month", "older"];
  const groups = new Map<Age, Session[]>(order.map((age) => [age, []]));
  for (const session of sessions) groups.get(ageOf(session, midnight))?.push(session);
  return order
    .map((age) => ({ age, sessions: groups.get(age) ?? [] }))
    .filter((group) => group.sessions.length > 0);
}

function ageOf(session: Session, midnight: number): Age {
  if (session.pinned) return "pinned";
  const at = Date.parse(session.updated_at);
  if (at >= midnight) return "today";
  if (at >= midnight - DAY_MS) return "yesterday";
  if (at >= midnight - 7 * DAY_MS) return "week";
  if (at >= midnight - 30 * DAY_MS) return "month";
  return "older";
}
