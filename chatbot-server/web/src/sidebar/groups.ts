import type { Session } from "../api/types";

export type Age = "pinned" | "today" | "yesterday" | "week" | "month" | "older";

/** Sessions under one heading: a folder, or an age. */
export interface Group {
  folder: string | null;
  age: Age | null;
  sessions: Session[];
}

const DAY_MS = 86_400_000;
const RECENT: Age[] = ["today", "yesterday", "week", "month", "older"];

/** Pinned sessions, then folders by name, then the rest by how long ago something happened in them, in calendar days. */
export function grouped(sessions: Session[], now: Date): Group[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const folders = [...new Set(sessions.flatMap(({ pinned, folder }) => (folder && !pinned ? [folder] : [])))];
  folders.sort((a, b) => a.localeCompare(b));
  const of = (wanted: (session: Session) => boolean) => sessions.filter(wanted);
  const loose = of(({ pinned, folder }) => !pinned && !folder);
  return [
    { folder: null, age: "pinned" as const, sessions: of(({ pinned }) => pinned) },
    ...folders.map((name) => ({
      folder: name,
      age: null,
      sessions: of(({ pinned, folder }) => !pinned && folder === name),
    })),
    ...RECENT.map((age) => ({
      folder: null,
      age,
      sessions: loose.filter((session) => ageOf(session, midnight) === age),
    })),
  ].filter((group) => group.sessions.length > 0);
}

function ageOf(session: Session, midnight: number): Age {
  const at = Date.parse(session.updated_at);
  if (at >= midnight) return "today";
  if (at >= midnight - DAY_MS) return "yesterday";
  if (at >= midnight - 7 * DAY_MS) return "week";
  if (at >= midnight - 30 * DAY_MS) return "month";
  return "older";
}
