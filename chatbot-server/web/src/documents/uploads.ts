/** Files on their way to the server, outside of React: closing a panel does not stop an upload. */

import { useSyncExternalStore } from "react";
import { ApiError, address, errorOf, send } from "../api/client";
import { randomKey } from "../api/key";
import { isWorking, storeDocument } from "../api/queries";
import { readEvents } from "../api/sse";
import type { Document, Id } from "../api/types";

export interface Upload {
  key: string;
  file: File;
  collectionId: Id | null;
  /** Share of the bytes that were sent, 0–1. */
  sent: number;
  error: ApiError | null;
  /** What the server made of it. */
  document: Document | null;
}

/** Browsers open about six connections to a server; questions and answers need theirs too. */
const PARALLEL_UPLOADS = 2;
const PARALLEL_STREAMS = 1;

class UploadStore {
  private uploads: readonly Upload[] = [];
  private readonly subscribers = new Set<() => void>();
  private running = 0;
  private readonly waiting: string[] = [];
  private readonly requests = new Map<string, XMLHttpRequest>();
  private readonly watched = new Set<Id>();
  /** Documents whose stream has ended: from then on the list of documents is enough. */
  private readonly streamed = new Set<Id>();

  readonly subscribe = (subscriber: () => void) => {
    this.subscribers.add(subscriber);
    return () => {
      this.subscribers.delete(subscriber);
    };
  };

  readonly snapshot = () => this.uploads;

  add(files: Iterable<File>, collectionId: Id | null): void {
    for (const file of files) {
      const key = randomKey();
      this.uploads = [...this.uploads, { key, file, collectionId, sent: 0, error: null, document: null }];
      this.waiting.push(key);
    }
    this.notify();
    this.next();
  }

  retry(key: string): void {
    this.change(key, { error: null, sent: 0 });
    this.waiting.push(key);
    this.next();
  }

  /** Takes an upload off the list; one that is under way is broken off. */
  dismiss(key: string): void {
    this.requests.get(key)?.abort();
    this.uploads = this.uploads.filter((upload) => upload.key !== key);
    this.notify();
  }

  /** Takes those off the list that can be asked about; the list of documents goes on showing them. */
  dismissReady(): void {
    this.uploads = this.uploads.filter((upload) => upload.document?.status !== "ready");
    this.notify();
  }

  dismissDocument(id: Id): void {
    this.uploads = this.uploads.filter((upload) => upload.document?.id !== id);
    this.notify();
  }

  /** Takes news about a document from wherever they come. */
  learn(document: Document): void {
    this.note(document);
    storeDocument(document);
  }

  /** Takes news that the list of documents has already. */
  note(document: Document): void {
    const upload = this.uploads.find((upload) => upload.document?.id === document.id);
    if (!upload?.document || upload.document.updated_at > document.updated_at) return;
    const news = { ...document, duplicate: upload.document.duplicate };
    if (JSON.stringify(news) !== JSON.stringify(upload.document)) this.change(upload.key, { document: news });
  }

  /** Follows a document until nothing more will happen to it. */
  async watch(document: Document): Promise<void> {
    if (!isWorking(document) || this.watched.has(document.id) || this.watched.size >= PARALLEL_STREAMS)
      return;
    this.watched.add(document.id);
    try {
      const response = await send(`/documents/${document.id}/events`, { accept: "text/event-stream" });
      for await (const { data } of readEvents(response)) this.learn(JSON.parse(data) as Document);
    } catch {
      // The list of documents is looked at as well, as long as something changes in it.
    } finally {
      this.watched.delete(document.id);
      this.streamed.add(document.id);
      this.watchNext();
    }
  }

  private watchNext(): void {
    const waiting = this.uploads.find(
      ({ document }) => document && isWorking(document) && !this.streamed.has(document.id),
    );
    if (waiting?.document) void this.watch(waiting.document);
  }

  private next(): void {
    while (this.running < PARALLEL_UPLOADS) {
      const key = this.waiting.shift();
      if (key === undefined) return;
      const upload = this.uploads.find((upload) => upload.key === key);
      if (upload) this.start(upload);
    }
  }

  private start(upload: Upload): void {
    const { key } = upload;
    const form = new FormData();
    if (upload.collectionId !== null) form.append("collection_id", upload.collectionId);
    form.append("file", upload.file, upload.file.name);
    // `fetch` does not tell how much of a body was sent.
    const request = new XMLHttpRequest();
    request.open("POST", address("/documents"));
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = ({ loaded, total }) => this.change(key, { sent: total ? loaded / total : 0 });
    request.onload = () => this.finish(key, request);
    request.onerror = () => this.change(key, { error: ApiError.network() });
    request.onloadend = () => {
      this.requests.delete(key);
      this.running -= 1;
      this.next();
    };
    this.running += 1;
    this.requests.set(key, request);
    request.send(form);
  }

  private finish(key: string, request: XMLHttpRequest): void {
    if (request.status < 200 || request.status > 299) {
      const header = (name: string) => request.getResponseHeader(name);
      this.change(key, { error: errorOf(request.status, request.responseText, header) });
      return;
    }
    const document = JSON.parse(request.responseText) as Document;
    this.change(key, { sent: 1, document });
    storeDocument(document);
    void this.watch(document);
  }

  private change(key: string, change: Partial<Upload>): void {
    this.uploads = this.uploads.map((upload) => (upload.key === key ? { ...upload, ...change } : upload));
    this.notify();
  }

  private notify(): void {
    for (const subscriber of this.subscribers) subscriber();
  }
}

export const uploads = new UploadStore();

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(uploads.subscribe, uploads.snapshot);
}
