/** The text of an answer: Markdown without anything that loads or runs, with its citations. */

import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import Markdown, { type Components } from "react-markdown";
import rehypeSanitize from "rehype-sanitize";

import type { Message } from "../api/types";
import { citationAt, renumber, toUnits, veil } from "../turns/citations";
import { CitationMark } from "./citation-mark";
import { remarkGfm } from "./gfm";
import { rehypeMarks } from "./mark";

export const AnswerText = memo(function AnswerText({
  message,
  growing,
}: {
  message: Message;
  growing: boolean;
}) {
  const { t } = useTranslation();
  const { content, sources, citations, unsupported } = message;
  const shown = useMemo(() => renumber(content, sources), [content, sources]);
  const spans = useMemo(() => toUnits(content, unsupported), [content, unsupported]);
  const components = useMemo<Components>(
    () => ({
      sup({ node, children }) {
        const index = node?.properties.dataIndex;
        if (typeof index !== "number") return <sup>{children}</sup>;
        const source = sources.find((source) => source.index === index);
        if (!source) return null;
        const unit = Number(node?.properties.dataUnit);
        return (
          <CitationMark
            number={shown.get(index) ?? index}
            source={source}
            citation={citationAt(content, citations, index, unit)}
            settled={!growing}
          />
        );
      },
      mark({ children }) {
        return (
          <span className="unsupported" title={t("answer.unsupported")}>
            {children}
          </span>
        );
      },
      a({ href, children }) {
        return (
          <a href={href} target="_blank" rel="noopener noreferrer" title={href}>
            {children}
          </a>
        );
      },
      // An address in an answer may carry what the answer knows to somebody else: nothing is loaded by itself.
      img({ alt }) {
        return <span className="text-soft">{t("answer.image", { name: alt || t("answer.unnamed") })}</span>;
      },
      table({ children }) {
        return (
          <div className="table-box" tabIndex={0} role="group" aria-label={t("answer.table")}>
            <table>{children}</table>
          </div>
        );
      },
      pre({ children }) {
        return <pre tabIndex={0}>{children}</pre>;
      },
    }),
    [content, sources, citations, shown, growing, t],
  );
  return (
    <div className={`prose-answer ${growing ? "writing" : ""}`}>
      <Markdown
        remarkPlugins={[remarkGfm]}
        rehypePlugins={[rehypeSanitize, [rehypeMarks, { unsupported: spans }]]}
        components={components}
      >
        {veil(content, shown)}
      </Markdown>
    </div>
  );
});
