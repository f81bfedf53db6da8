import { describe, expect, it } from "vitest";
import type { Session } from "../api/types";
import { grouped } from "./groups";

const now = new Date(2025, 4, 20, 9, 30);
const ago = (days: number, hour = 12) => new Date(2025, 4, 20 - days, hour);
const at = (updated: Date, change: Partial<Session> = {}) =>
  ({
    id: updated.toISOString(),
    pinned: false,
    folder: null,
    updated_at: updated.toISOString(),
    ...change,
  }) as Session;

describe("grouped", () => {
  it("goes by calendar days, pinned ones first", () => {
    const groups = grouped(
      [at(ago(0, 1)), at(ago(1, 23)), at(ago(3)), at(ago(20)), at(ago(90)), at(ago(90), { pinned: true })],
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

  it("keeps folders together, between what is pinned and the rest", () => {
    const folder = (folder: string, days: number) => at(ago(days), { folder });
    const groups = grouped(
      [
        at(ago(0, 1)),
        folder("Plant", 0),
        folder("Archive", 90),
        folder("Plant", 90),
        at(ago(1), { folder: "Plant", pinned: true }),
        at(ago(2), { folder: "" }),
      ],
      now,
    );
    expect(groups.map(({ folder, age, sessions }) => [folder ?? age, sessions.length])).toEqual([
      ["pinned", 1],
      ["Archive", 1],
      ["Plant", 2],
      ["today", 1],
      ["week", 1],
    ]);
  });
});
