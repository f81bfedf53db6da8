/** What the page asks the server for, and how long it believes the answers. */

import {
  type InfiniteData,
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { ApiError, call, send } from "./client";
import type {
  Collection,
  Document,
  Id,
  Message,
  MessageHead,
  MessageState,
  Page,
  Session,
  SessionPatch,
} from "./types";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && ApiError.from(error).retryable,
    },
    // Whether there is a network is for the request itself to find out: the server may well be on this machine.
    mutations: { networkMode: "always" },
  },
});

const KEYS = {
  sessions: ["sessions"] as const,
  messages: (session: Id) => ["messages", session] as const,
  documents: ["documents"] as const,
  collections: ["collections"] as const,
  models: ["models"] as const,
};

const MESSAGES_PER_PAGE = 50;
/** How often documents are looked at while some are being worked on and no stream tells. */
const DOCUMENTS_POLL_MS = 1_500;

type Cursor = string | null;
const withCursor = (cursor: Cursor) => (cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`);

export function useSessions() {
  return useInfiniteQuery({
    queryKey: [...KEYS.sessions, "list"],
    queryFn: ({ pageParam }) => call<Page<Session>>(`/sessions?limit=100${withCursor(pageParam)}`),
    initialPageParam: null as Cursor,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function useSession(id: Id | null) {
  return useQuery({
    queryKey: [...KEYS.sessions, "one", id],
    queryFn: () => call<Session>(`/sessions/${id}`),
    enabled: id !== null,
  });
}

export function useSessionSearch(q: string) {
  return useQuery({
    queryKey: [...KEYS.sessions, "search", q],
    queryFn: ({ signal }) => call<Page<Session>>(`/sessions?limit=30&q=${encodeURIComponent(q)}`, { signal }),
    enabled: q.trim() !== "",
    placeholderData: (before) => before,
  });
}

export function useSessionChanges() {
  const client = useQueryClient();
  // Nobody waits for the lists: what comes after a change must not depend on a row that they may drop.
  const refresh = () => {
    void client.invalidateQueries({ queryKey: KEYS.sessions });
  };
  const patch = useMutation({
    mutationFn: ({ id, ...body }: SessionPatch & { id: Id }) =>
      call<Session>(`/sessions/${id}`, { method: "PATCH", body }),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (id: Id) => send(`/sessions/${id}`, { method: "DELETE" }),
    onSettled: refresh,
  });
  return { patch, remove };
}

/** The messages of one branch, the newest page first; each page has its newest message last. */
export function useMessages(session: Id | null, leaf: Id | null) {
  return useInfiniteQuery({
    queryKey: [...KEYS.messages(session ?? ""), leaf],
    queryFn: ({ pageParam }) =>
      call<Page<Message>>(
        `/sessions/${session}/messages?limit=${MESSAGES_PER_PAGE}${leaf === null ? "" : `&leaf=${leaf}`}${withCursor(pageParam)}`,
      ),
    initialPageParam: null as Cursor,
    getNextPageParam: (page) => page.next_cursor,
    enabled: session !== null,
    refetchOnWindowFocus: "always",
  });
}

/** Puts a newer state of a message into every list that has it. */
export function storeMessage(message: Message): void {
  queryClient.setQueriesData<InfiniteData<Page<Message>>>(
    { queryKey: KEYS.messages(message.session_id) },
    (data) =>
      data && {
        ...data,
        pages: data.pages.map((page) => ({
          ...page,
          items: page.items.map((old) =>
            old.id === message.id
              ? {
                  ...message,
                  sibling_ids: message.sibling_ids.length ? message.sibling_ids : old.sibling_ids,
                }
              : old,
          ),
        })),
      },
  );
}

export function refreshSession(id: Id): void {
  void queryClient.invalidateQueries({ queryKey: KEYS.sessions });
  void queryClient.invalidateQueries({ queryKey: KEYS.messages(id) });
}

/** Takes in a newer state of a session; the list of sessions loads again where it is another, as its order may be. */
export function storeSession(session: Session): void {
  const one = [...KEYS.sessions, "one", session.id];
  const list = [...KEYS.sessions, "list"];
  queryClient.setQueryData<Session>(one, session);
  const pages = queryClient.getQueryData<InfiniteData<Page<Session>>>(list)?.pages ?? [];
  const listed = pages.flatMap((page) => page.items).find(({ id }) => id === session.id);
  if (JSON.stringify(listed) === JSON.stringify(session)) return;
  void queryClient.invalidateQueries({ queryKey: list });
}

/** Lets go of a session that is gone; where it is shown, that is found out at once. */
export function forgetSession(id: Id): void {
  void queryClient.resetQueries({ queryKey: KEYS.messages(id) });
  void queryClient.resetQueries({ queryKey: [...KEYS.sessions, "one", id] });
  void queryClient.invalidateQueries({ queryKey: [...KEYS.sessions, "list"] });
}

const isOpen = (state: MessageState) => state === "pending" || state === "streaming";

/** Loads the messages of a session again where they do not have this one, or not how it ended. */
export function noteMessage(session: Id, head: MessageHead): void {
  const lists = queryClient.getQueriesData<InfiniteData<Page<Message>>>({ queryKey: KEYS.messages(session) });
  const known = lists
    .flatMap(([, data]) => data?.pages ?? [])
    .flatMap((page) => page.items)
    .find(({ id }) => id === head.id);
  const isNews = !known || (known.state !== head.state && !(isOpen(known.state) && isOpen(head.state)));
  if (isNews) void queryClient.invalidateQueries({ queryKey: KEYS.messages(session) });
}

/** The models that a question may name, the configured one first. */
export function useModels() {
  return useQuery({
    queryKey: KEYS.models,
    queryFn: () => call<{ items: { id: string }[] }>("/models"),
    select: ({ items }) => items.map(({ id }) => id),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useCollections() {
  return useQuery({
    queryKey: KEYS.collections,
    queryFn: () => call<Page<Collection>>("/collections?limit=200"),
    select: (page) => page.items,
  });
}

export function useCollectionChanges() {
  const client = useQueryClient();
  const refresh = () => {
    void client.invalidateQueries({ queryKey: KEYS.collections });
    void client.invalidateQueries({ queryKey: KEYS.documents });
  };
  const create = useMutation({
    mutationFn: (name: string) => call<Collection>("/collections", { method: "POST", body: { name } }),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (id: Id) => send(`/collections/${id}`, { method: "DELETE" }),
    onSettled: refresh,
  });
  return { create, remove };
}

/** Whether a document is still changing by itself. */
export function isWorking(document: Document): boolean {
  if (document.status === "ready") return document.coverage.dense < 1 || document.stage !== null;
  return document.status === "queued" || document.status === "processing" || document.status === "deleting";
}

export function useDocuments(q = "") {
  return useQuery({
    queryKey: [...KEYS.documents, "list", q],
    queryFn: () =>
      call<Page<Document>>(`/documents?limit=200${q === "" ? "" : `&q=${encodeURIComponent(q)}`}`),
    placeholderData: (before) => before,
    refetchInterval: (query) => (query.state.data?.items.some(isWorking) ? DOCUMENTS_POLL_MS : false),
  });
}

export function useDocument(id: Id | null) {
  return useQuery({
    queryKey: [...KEYS.documents, "one", id],
    queryFn: () => call<Document>(`/documents/${id}`),
    enabled: id !== null,
  });
}

/** Puts a newer state of a document into the lists that have it; a new one makes them load again. */
export function storeDocument(news: Document): void {
  // What an upload turned out to be is no lasting fact about the document.
  const document = { ...news, duplicate: false };
  let known = false;
  queryClient.setQueriesData<Page<Document>>({ queryKey: [...KEYS.documents, "list"] }, (page) => {
    const before = page?.items.find((old) => old.id === document.id);
    if (!page || !before) return page;
    // What came out of it is new as well.
    known = before.part_count === document.part_count;
    return { ...page, items: page.items.map((old) => (old.id === document.id ? document : old)) };
  });
  if (!known) refreshDocuments();
}

export function refreshDocuments(): void {
  void queryClient.invalidateQueries({ queryKey: KEYS.documents });
  void queryClient.invalidateQueries({ queryKey: KEYS.collections });
}

export function useDocumentChanges() {
  const act = (path: string, method = "POST") => ({
    mutationFn: (id: Id) => send(`/documents/${id}${path}`, { method }),
    onSettled: refreshDocuments,
  });
  return {
    reindex: useMutation(act("/reindex")),
    cancel: useMutation(act("/cancel")),
    remove: useMutation(act("", "DELETE")),
  };
}
