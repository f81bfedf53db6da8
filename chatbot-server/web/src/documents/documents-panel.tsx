import { Ban, Download, Eye, FilePlus2, FolderPlus, RotateCcw, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, address } from "../api/client";
import { useCollectionChanges, useCollections, useDocumentChanges, useDocuments } from "../api/queries";
import type { Collection, Document } from "../api/types";
import { setShell, shell } from "../app/shell-state";
import { useUploadTarget } from "../chat/composer";
import { Failure } from "../chat/failure";
import { Button, IconButton } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Dialog } from "../ui/dialog";
import { toast } from "../ui/toasts";
import { standing } from "./standing";
import { uploads } from "./uploads";

/** Everything that can be asked about, and where it stands. */
export function DocumentsPanel() {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const { data, error, refetch, isPending } = useDocuments(q.trim());
  const { data: collections = [] } = useCollections();
  const file = useRef<HTMLInputElement>(null);
  const target = useUploadTarget();
  const documents = data?.items ?? [];

  return (
    <div className="px-4 pb-6">
      <div className="flex flex-wrap gap-2">
        <Button look="primary" onClick={() => file.current?.click()}>
          <FilePlus2 size={16} aria-hidden />
          {t("documents.add")}
        </Button>
        <NewCollection />
      </div>
      <input
        ref={file}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          uploads.add([...(event.target.files ?? [])], target);
          event.target.value = "";
        }}
      />
      <input
        type="search"
        aria-label={t("documents.find")}
        placeholder={t("documents.find")}
        className="mt-3 block min-h-9 w-full rounded-lg border border-edge bg-card px-3 text-sm"
        value={q}
        onChange={(event) => setQ(event.target.value)}
      />
      {error && (
        <Failure
          code={ApiError.from(error).code}
          message={ApiError.from(error).message}
          requestId={ApiError.from(error).requestId}
          onRetry={() => refetch()}
        />
      )}
      {isPending && <p className="mt-4 text-sm text-soft">{t("documents.loading")}</p>}
      {data && documents.length === 0 && (
        <p className="mt-4 text-sm text-soft">{t(q === "" ? "documents.none" : "documents.noneFound")}</p>
      )}
      {grouped(documents, collections).map(({ collection, items }) => (
        <section key={collection?.id ?? "other"} aria-label={collection?.name ?? t("documents.title")}>
          {collections.length > 1 && <CollectionHeading collection={collection} count={items.length} />}
          <ul className="mt-3 space-y-2">
            {items.map((document) => (
              <Row key={document.id} document={document} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function grouped(documents: Document[], collections: Collection[]) {
  const groups: { collection: Collection | null; items: Document[] }[] = collections.map((collection) => ({
    collection,
    items: documents.filter((document) => document.collection_id === collection.id),
  }));
  const known = new Set(collections.map((collection) => collection.id));
  const others = documents.filter((document) => !known.has(document.collection_id));
  if (others.length > 0) groups.push({ collection: null, items: others });
  return groups.filter(({ collection, items }) => items.length > 0 || (collection && !collection.is_default));
}

function CollectionHeading({ collection, count }: { collection: Collection | null; count: number }) {
  const { t } = useTranslation();
  const { remove } = useCollectionChanges();
  const [asking, setAsking] = useState(false);
  if (!collection) return null;
  const drop = () => {
    setAsking(false);
    remove.mutate(collection.id, {
      onSuccess: () =>
        setShell({ collectionIds: shell().collectionIds.filter((id) => id !== collection.id) }),
      onError: (error) => toast(ApiError.from(error).message || t("documents.deleteFailed")),
    });
  };
  return (
    <div className="mt-5 flex min-h-7 items-center gap-2">
      <h3 className="min-w-0 flex-1 truncate text-xs font-medium text-soft">{collection.name}</h3>
      {!collection.is_default && (
        <IconButton
          label={t("collections.delete", { name: collection.name })}
          size="small"
          onClick={() => setAsking(true)}
        >
          <Trash2 size={14} aria-hidden />
        </IconButton>
      )}
      <Confirm
        open={asking}
        title={t("collections.deleteTitle", { name: collection.name })}
        text={t("collections.deleteText", { count })}
        onClose={() => setAsking(false)}
        onConfirm={drop}
      />
    </div>
  );
}

function NewCollection() {
  const { t } = useTranslation();
  const { create } = useCollectionChanges();
  const [name, setName] = useState<string | null>(null);
  return (
    <>
      <Button onClick={() => setName("")}>
        <FolderPlus size={16} aria-hidden />
        {t("collections.new")}
      </Button>
      <Dialog open={name !== null} onClose={() => setName(null)} title={t("collections.new")}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (!name?.trim()) return;
            create.mutate(name.trim(), {
              onSuccess: (collection) => setShell({ collectionIds: [collection.id] }),
              onError: (error) => toast(ApiError.from(error).message || t("collections.failed")),
            });
            setName(null);
          }}
        >
          <label className="block text-sm font-medium">
            {t("collections.name")}
            <input
              className="mt-1 block min-h-9 w-full rounded-lg border border-edge bg-card px-3 font-normal"
              maxLength={200}
              value={name ?? ""}
              onChange={(event) => setName(event.target.value)}
            />
          </label>
          <div className="mt-4 flex justify-end gap-2">
            <Button look="quiet" onClick={() => setName(null)}>
              {t("cancel")}
            </Button>
            <Button look="primary" type="submit" disabled={!name?.trim()}>
              {t("collections.create")}
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}

function Row({ document }: { document: Document }) {
  const { t } = useTranslation();
  const { reindex, cancel, remove } = useDocumentChanges();
  const [asking, setAsking] = useState(false);
  const { text, tone, share } = standing(document, t);
  const { title } = document;
  const facts = [
    size(document.size_bytes),
    document.page_count !== null && t("documents.pages", { count: document.page_count }),
    document.part_count > 0 && t("documents.parts", { count: document.part_count }),
  ];
  const failed = (error: unknown) => toast(ApiError.from(error).message || t("documents.actionFailed"));
  const open = () => {
    const passage = {
      documentId: document.id,
      version: document.version,
      title,
      page: null,
      heading: null,
      range: null,
      quote: null,
    };
    setShell({ panel: { kind: "passage", passage, from: { kind: "documents" } } });
  };
  return (
    <li
      data-document={document.status}
      className="relative overflow-hidden rounded-xl border border-line bg-card py-2.5 pl-3.5 pr-1.5"
    >
      <div className="flex items-start gap-1">
        <div className="min-w-0 flex-1">
          <p className="truncate text-sm font-medium" title={title}>
            {title}
          </p>
          {document.parent_id !== null && (
            <p className="truncate text-xs text-soft" title={document.source}>
              {document.source}
            </p>
          )}
          <p
            className={`break-words text-xs ${tone === "bad" ? "text-bad" : tone === "good" ? "text-good" : "text-soft"}`}
          >
            {text}
          </p>
          <p className="text-xs text-soft">{facts.filter(Boolean).join(" · ")}</p>
          {document.warnings.map((warning) => (
            <p key={warning.code + warning.message} className="text-xs text-warn">
              {warning.message}
            </p>
          ))}
        </div>
        {document.status === "ready" && (
          <IconButton label={t("documents.view", { name: title })} size="small" onClick={open}>
            <Eye size={15} aria-hidden />
          </IconButton>
        )}
        {(document.status === "failed" || document.status === "cancelled") && (
          <IconButton
            label={t("documents.retryNamed", { name: title })}
            size="small"
            onClick={() => reindex.mutate(document.id, { onError: failed })}
          >
            <RotateCcw size={15} aria-hidden />
          </IconButton>
        )}
        {(document.status === "queued" || document.status === "processing") && (
          <IconButton
            label={t("documents.cancelNamed", { name: title })}
            size="small"
            onClick={() => cancel.mutate(document.id, { onError: failed })}
          >
            <Ban size={15} aria-hidden />
          </IconButton>
        )}
        <a
          href={address(`/documents/${document.id}/content`)}
          download
          aria-label={t("documents.downloadNamed", { name: title })}
          title={t("documents.original")}
          className="inline-grid size-7 shrink-0 place-items-center rounded-lg text-soft hover:bg-hover hover:text-ink"
        >
          <Download size={15} aria-hidden />
        </a>
        <IconButton
          label={t("documents.deleteNamed", { name: title })}
          size="small"
          onClick={() => setAsking(true)}
        >
          <Trash2 size={15} aria-hidden />
        </IconButton>
      </div>
      {share !== null && (
        <progress
          aria-label={text}
          value={share}
          max={1}
          className="absolute inset-x-0 bottom-0 h-0.5 w-full appearance-none bg-transparent [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-transparent [&::-webkit-progress-value]:bg-accent"
        />
      )}
      <Confirm
        open={asking}
        title={t("documents.deleteTitle", { name: title })}
        text={
          document.part_count > 0
            ? `${t("documents.deletePartsText", { count: document.part_count })} ${t("documents.deleteText")}`
            : t("documents.deleteText")
        }
        onClose={() => setAsking(false)}
        onConfirm={() => {
          setAsking(false);
          remove.mutateAsync(document.id).then(() => uploads.dismissDocument(document.id), failed);
        }}
      />
    </li>
  );
}

function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
