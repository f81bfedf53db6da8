import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../ui/button";

interface FailureProps {
  code: string;
  message: string;
  requestId: string | null;
  /** Seconds until it makes sense to try again. */
  retryAfter?: number | null;
  onRetry?: () => void;
  onDismiss?: () => void;
}

/** An error where the answer should stand: what went wrong, how to name it, and the way on. */
export function Failure({ code, message, requestId, retryAfter, onRetry, onDismiss }: FailureProps) {
  const { t } = useTranslation();
  const left = useCountdown(retryAfter ?? 0);
  return (
    <div role="alert" className="mt-2 rounded-xl border border-line bg-bad-soft px-4 py-3 text-sm">
      <p className="font-medium text-bad">{t(`failure.title.${code}`, t("failure.title.other"))}</p>
      {message !== "" && <p className="mt-0.5 break-words">{message}</p>}
      <p className="mt-1 text-xs text-soft">
        {requestId === null ? code : t("failure.request", { code, id: requestId })}
      </p>
      <div className="mt-2.5 flex flex-wrap gap-2">
        {onRetry && (
          <Button onClick={onRetry} disabled={left > 0}>
            {left > 0 ? t("failure.retryIn", { count: left }) : t("retry")}
          </Button>
        )}
        {onDismiss && (
          <Button look="quiet" onClick={onDismiss}>
            {t("failure.dismiss")}
          </Button>
        )}
      </div>
    </div>
  );
}

function useCountdown(seconds: number): number {
  const [left, setLeft] = useState(seconds);
  useEffect(() => setLeft(seconds), [seconds]);
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1_000);
    return () => clearTimeout(timer);
  }, [left]);
  return left;
}
