import { FileText, RotateCcw, X } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useDocumentChanges, useDocuments } from "../api/queries";
import { standing } from "../documents/standing";
import { type Upload, uploads, useUploads } from "../documents/uploads";
import { IconButton } from "../ui/button";

/** The files of this visit, each with where it stands. */
export function Attachments() {
  const { t } = useTranslation();
  const all = useUploads();
  const { data } = useDocuments();

  // The list of documents has news as well where there is no stream for each document.
  useEffect(() => {
    for (const document of data?.items ?? []) uploads.note(document);
  }, [data]);

  if (all.length === 0) return null;
  return (
    <ul aria-label={t("attachments.label")} className="flex max-h-40 flex-wrap gap-2 overflow-auto px-3 pt-3">
      {all.map((upload) => (
        <Attachment key={upload.key} upload={upload} />
      ))}
    </ul>
  );
}

function Attachment({ upload }: { upload: Upload }) {
  const { t } = useTranslation();
  const { reindex } = useDocumentChanges();
  const { document } = upload;
  const { text, tone, share } = upload.error
    ? {
        text: t("status.uploadFailed", { why: upload.error.message || t("failure.title.network") }),
        tone: "bad",
        share: null,
      }
    : document
      ? standing(document, t)
      : {
          text: t("status.uploading", { percent: Math.round(upload.sent * 100) }),
          tone: "busy",
          share: upload.sent,
        };
  const retry = upload.error
    ? () => uploads.retry(upload.key)
    : document?.status === "failed"
      ? () => reindex.mutate(document.id)
      : null;
  return (
    <li
      data-attachment={document?.status ?? "uploading"}
      className="relative flex min-w-48 max-w-80 items-center gap-2 overflow-hidden rounded-xl border border-line bg-side py-1.5 pl-2.5 pr-1"
    >
      <FileText size={18} className={`shrink-0 ${tone === "bad" ? "text-bad" : "text-accent"}`} aria-hidden />
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm font-medium">{upload.file.name}</span>
        <span
          role="status"
          className={`line-clamp-3 text-xs ${tone === "bad" ? "text-bad" : tone === "good" ? "text-good" : "text-soft"}`}
        >
          {text}
        </span>
      </span>
      {retry && (
        <IconButton
          label={t("documents.retryNamed", { name: upload.file.name })}
          size="small"
          onClick={retry}
        >
          <RotateCcw size={14} aria-hidden />
        </IconButton>
      )}
      <IconButton
        label={t("attachments.dismiss", { name: upload.file.name })}
        size="small"
        onClick={() => uploads.dismiss(upload.key)}
      >
        <X size={14} aria-hidden />
      </IconButton>
      {share !== null && (
        <progress
          aria-label={text}
          value={share}
          max={1}
          className="absolute inset-x-0 bottom-0 h-0.5 w-full appearance-none bg-transparent [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-transparent [&::-webkit-progress-value]:bg-accent"
        />
      )}
    </li>
  );
}
