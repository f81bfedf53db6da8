import { useTranslation } from "react-i18next";
import { useCollections } from "../api/queries";
import { useShell } from "../app/shell-state";
import type { Answer } from "../turns/reduce";

/** Says in words what an answer is waiting for. */
export function Waiting({ answer }: { answer: Answer | undefined }) {
  return (
    <p className="flex items-center gap-2.5 text-soft" data-waiting>
      <span className="waiting-dot size-2 shrink-0 rounded-full bg-accent" aria-hidden />
      {useWaitingText(answer)}
    </p>
  );
}

function useWaitingText(answer: Answer | undefined): string {
  const { t } = useTranslation();
  const { strategy, collectionIds } = useShell();
  const { data: collections = [] } = useCollections();
  if (!answer || answer.phase === "sending") return t("waiting.sending");
  if (answer.phase === "reading" && answer.message.sources.length > 0) {
    return t("waiting.reading", { count: answer.message.sources.length });
  }
  if (answer.phase !== "searching" || strategy === "none") return t("waiting.thinking");
  const query = answer.queries[0];
  if (query) return t("waiting.searchingFor", { query });
  if (collectionIds.length > 0) {
    const named = collections.find((collection) => collection.id === collectionIds[0]);
    if (collectionIds.length === 1 && named) return t("waiting.searchingIn", { name: named.name });
    return t("waiting.searchingCollections", { count: collectionIds.length });
  }
  return t("waiting.searching");
}
