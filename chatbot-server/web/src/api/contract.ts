/** Holds the page's own types against the server's description (`cargo xtask types`): where they part, `tsc` fails. */
import type { components } from "./schema";
import type * as ours from "./types";

type Theirs = components["schemas"];

/** Whether every field that the page reads is one that the server sends. */
type Sends<Their, Ours> = [Exclude<keyof Ours, keyof Their>] extends [never]
  ? true
  : Exclude<keyof Ours, keyof Their>;

type All<Checks extends true[]> = Checks;

export type Contract = All<
  [
    Sends<Theirs["Citation"], ours.Citation>,
    Sends<Theirs["Collection"], ours.Collection>,
    Sends<Theirs["Document"], ours.Document>,
    Sends<Theirs["Message"], ours.Message>,
    Sends<Theirs["MessageError"], ours.MessageError>,
    Sends<Theirs["Session"], ours.Session>,
    Sends<Theirs["SessionPatch"], ours.SessionPatch>,
    Sends<Theirs["Source"], ours.Source>,
    Sends<Theirs["Warning"], ours.Warning>,
    Sends<
      Theirs["ChatRequest"],
      Pick<ours.ChatRequest, "message" | "session_id" | "collection_ids" | "model">
    >,
  ]
>;
