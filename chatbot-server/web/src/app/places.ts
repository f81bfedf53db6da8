/** The page's own addresses. The query (`?model=`) is kept wherever one goes. */

import { useCallback } from "react";
import { useLocation, useNavigate } from "react-router";
import type { Id } from "../api/types";
import { useShell } from "./shell-state";

export const chatPath = (session: Id | null) => (session === null ? "/" : `/chat/${session}`);

export function useGo() {
  const navigate = useNavigate();
  const { search } = useLocation();
  return useCallback(
    (session: Id | null, options?: { replace?: boolean }) =>
      navigate({ pathname: chatPath(session), search }, options),
    [navigate, search],
  );
}

/** The model to ask: the one that was picked, or that the page's address names. */
export function useModel(): string | null {
  const { model } = useShell();
  const named = new URLSearchParams(useLocation().search).get("model");
  return model ?? named;
}
