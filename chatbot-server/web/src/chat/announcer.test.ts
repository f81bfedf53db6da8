import { describe, expect, it } from "vitest";
import { completeSentences } from "./announcer";

describe("completeSentences", () => {
  it("says a sentence once it is complete, without its marks", () => {
    const text = "The **pump** runs. [1] It is";
    const first = completeSentences(text, 0, false);
    expect(first.sentences).toEqual(["The pump runs."]);
    const whole = `${text} hot`;
    expect(completeSentences(whole, first.length, false).sentences).toEqual([]);
    expect(completeSentences(whole, first.length, true).sentences).toEqual(["It is hot"]);
  });

  it("does not cut numbers", () => {
    expect(completeSentences("It takes 2.5 hours. Then", 0, false).sentences).toEqual([
      "It takes 2.5 hours.",
    ]);
  });
});
