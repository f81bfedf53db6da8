import { describe, expect, it } from "vitest";
import { asCopied, citationAt, renumber, toUnits, unveil, veil } from "./citations";
import { aCitation, anAnswer, aSource } from "./fixtures";

const sources = [1, 2, 5].map((index) => aSource({ index, title: `Manual ${index}` }));

describe("renumber", () => {
  it("counts in the order of the text and leaves gaps out", () => {
    const shown = renumber("One [5]. Two [2][5]. Three [9], array[1].", sources);
    expect([...shown]).toEqual([
      [5, 1],
      [2, 2],
      [1, 3],
    ]);
  });

  it("never changes a number while text is added", () => {
    const text = "One [5]. Two [2]. Three [1].";
    const whole = renumber(text, sources);
    for (let end = 0; end <= text.length; end += 1) {
      for (const [index, number] of renumber(text.slice(0, end), sources))
        expect(whole.get(index)).toBe(number);
    }
  });
});

describe("veil", () => {
  it("hides known markers without moving anything, and back", () => {
    const text = "One [5] and [9].\n\n[5]: https://evil.example";
    const veiled = veil(text, renumber(text, sources));
    expect(veiled).toHaveLength(text.length);
    expect(veiled).not.toContain("[5]");
    expect(veiled).toContain("[9]");
    expect(unveil(veiled)).toBe(text);
  });
});

describe("toUnits", () => {
  it("turns code points into positions in strings", () => {
    const text = "😀 größe 😀 end";
    const [span] = toUnits(text, [{ text_start: 8, text_end: 13 }]);
    expect(text.slice(span?.start, span?.end)).toBe("😀 end");
  });
});

describe("citationAt", () => {
  it("takes the citation whose sentence the marker follows", () => {
    const content = "😀 first [1]. Second one [1].";
    const citations = [
      aCitation({ text_start: 0, text_end: 7, quote: "first" }),
      aCitation({ text_start: 13, text_end: 23, quote: "second" }),
    ];
    expect(citationAt(content, citations, 1, content.indexOf("[1]"))?.quote).toBe("first");
    expect(citationAt(content, citations, 1, content.lastIndexOf("[1]"))?.quote).toBe("second");
    expect(citationAt(content, citations, 2, 0)).toBeUndefined();
  });
});

describe("asCopied", () => {
  it("keeps the citations and names their sources", () => {
    const message = anAnswer({ content: "One [5]. Two [2].", sources });
    expect(asCopied(message, (page) => `p. ${page}`)).toBe(
      "One [1]. Two [2].\n\n[1] Manual 5, p. 3\n[2] Manual 2, p. 3",
    );
  });
});
