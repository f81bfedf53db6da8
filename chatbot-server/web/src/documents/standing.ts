import type { TFunction } from "i18next";
import type { Document } from "../api/types";

export interface Standing {
  text: string;
  tone: "good" | "busy" | "bad" | "plain";
  /** How far it is, where that is known. */
  share: number | null;
}

const percent = (share: number) => Math.floor(share * 100);

/** Where a document stands, in words for a person. */
export function standing(document: Document, t: TFunction): Standing {
  const { status, stage, coverage, error } = document;
  switch (status) {
    case "queued":
      return { text: t("status.queued"), tone: "busy", share: null };
    case "processing": {
      const text = t(`status.${stage ?? "parsing"}`, { percent: percent(document.progress) });
      return { text, tone: "busy", share: document.progress };
    }
    case "ready":
      if (stage === "parsing" || stage === "chunking") {
        return { text: t("status.renewing"), tone: "good", share: document.progress };
      }
      if (coverage.dense < 1) {
        const text = t("status.learning", { percent: percent(coverage.dense) });
        return { text, tone: "good", share: coverage.dense };
      }
      return { text: t(document.duplicate ? "status.duplicate" : "status.ready"), tone: "good", share: null };
    case "failed": {
      const why = error?.message || t(`status.reason.${error?.reason ?? error?.code}`, t("status.unknown"));
      return { text: t("status.failed", { why }), tone: "bad", share: null };
    }
    case "cancelled":
      return { text: t("status.cancelled"), tone: "plain", share: null };
    case "deleting":
      return { text: t("status.deleting"), tone: "plain", share: null };
  }
}
