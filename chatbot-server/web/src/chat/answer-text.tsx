/** The text of an answer: Markdown without anything that loads or runs, with its citations. */

import { createContext, memo, type ReactNode, useContext, useMemo } from "react";
import { useTranslation } from "react-i18next";
import Markdown, { type Components } from "react-markdown";
import rehypeSanitize from "rehype-sanitize";

import type { Message } from "../api/types";
import { citationAt, renumber, toUnits, veil } from "../turns/citations";
import { CitationMark } from "./citation-mark";
import { remarkGfm } from "./gfm";
import { rehypeMarks } from "./mark";

interface Shown {
  message: Message;
  growing: boolean;
  /** The number that a reader sees, by a source's index. */
  numbers: ReadonlyMap<number, number>;
}

const ShownAnswer = createContext<Shown | null>(null);

/** A mark's place in the text, as `rehypeMarks` leaves it. */
function Mark({ index, unit }: { index: number; unit: number }) {
  const shown = useContext(ShownAnswer);
  const source = shown?.message.sources.find((source) => source.index === index);
  if (!shown || !source) return null;
  const { content, citations } = shown.message;
  return (
    <CitationMark
      number={shown.numbers.get(index) ?? index}
      source={source}
      citation={citationAt(content, citations, index, unit)}
      settled={!shown.growing}
    />
  );
}

function Unsupported({ children }: { children?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <span className="unsupported" title={t("answer.unsupported")}>
      {children}
    </span>
  );
}

// An address in an answer may carry what the answer knows to somebody else: nothing is loaded by itself.
function Picture({ alt }: { alt?: string }) {
  const { t } = useTranslation();
  return <span className="text-soft">{t("answer.image", { name: alt || t("answer.unnamed") })}</span>;
}

function Table({ children }: { children?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="table-box" tabIndex={0} role="group" aria-label={t("answer.table")}>
      <table>{children}</table>
    </div>
  );
}

// The same for every answer at every moment: an element whose component changed would be made anew with each word.
const COMPONENTS: Components = {
  sup({ node, children }) {
    const index = node?.properties.dataIndex;
    if (typeof index !== "number") return <sup>{children}</sup>;
    return <Mark index={index} unit={Number(node?.properties.dataUnit)} />;
  },
  mark: ({ children }) => <Unsupported>{children}</Unsupported>,
  a({ href, children }) {
    return (
      <a href={href} target="_blank" rel="noopener noreferrer" title={href}>
        {children}
      </a>
    );
  },
  img: ({ alt }) => <Picture alt={alt} />,
  table: ({ children }) => <Table>{children}</Table>,
  pre: ({ children }) => <pre tabIndex={0}>{children}</pre>,
};

export const AnswerText = memo(function AnswerText({
  message,
  growing,
}: {
  message: Message;
  growing: boolean;
}) {
  const { content, sources, unsupported } = message;
  const numbers = useMemo(() => renumber(content, sources), [content, sources]);
  const spans = useMemo(() => toUnits(content, unsupported), [content, unsupported]);
  const shown = useMemo(() => ({ message, growing, numbers }), [message, growing, numbers]);
  return (
    <ShownAnswer value={shown}>
      <div className={`prose-answer ${growing ? "writing" : ""}`}>
        <Markdown
          remarkPlugins={[remarkGfm]}
          rehypePlugins={[rehypeSanitize, [rehypeMarks, { unsupported: spans }]]}
          components={COMPONENTS}
        >
          {veil(content, numbers)}
        </Markdown>
      </div>
    </ShownAnswer>
  );
});
