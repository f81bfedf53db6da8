/** A part of the page that may fail without taking the rest with it. */

import type { ReactNode } from "react";
import { ErrorBoundary } from "react-error-boundary";
import { useTranslation } from "react-i18next";
import { Button } from "./button";

export function Region({ name, children }: { name: string; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <ErrorBoundary
      fallbackRender={({ resetErrorBoundary }) => (
        <div role="alert" className="m-4 rounded-xl border border-line bg-bad-soft p-4 text-sm">
          <p className="mb-3">{t("region.failed", { name })}</p>
          <Button onClick={resetErrorBoundary}>{t("retry")}</Button>
        </div>
      )}
    >
      {children}
    </ErrorBoundary>
  );
}
