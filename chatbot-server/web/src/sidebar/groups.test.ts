import { describe, expect, it } from "vitest";
import type { Session } from "../api/types";
import { byAge } from "./groups";

const at = (updated: Date, pinned = false) =>
  ({ id: updated.toISOString(), pinned, updated_at: updated.toISOString() }) as Session;

describe("byAge", () => {
  it("groups by calendar days, pinned ones first", () => {
    const now = new Date(2025, 4, 20, 9, 30);
    const ago = (days: number, hour = 12) => new Date(2025, 4, 20 - days, hour);
    const groups = byAge(
      [at(ago(0, 1)), at(ago(1, 23)), at(ago(3)), at(ago(20)), at(ago(90)), at(ago(90), true)],
      now,
    );
    expect(groups.map((group) => group.age)).toEqual([
      "pinned",
      "today",
      "yesterday",
      "week",
      "month",
      "older",
    ]);
    expect(groups.every((group) => group.sessions.length === 1)).toBe(true);
  });
});
