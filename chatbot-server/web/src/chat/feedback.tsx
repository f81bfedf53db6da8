import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";

const REASONS = ["wrong", "missing", "source", "unclear", "other"] as const;

interface DownReasonProps {
  onClose: () => void;
  onSend: (reason: string | undefined, comment: string | undefined) => void;
}

/** Asks what was wrong with an answer. */
export function DownReason({ onClose, onSend }: DownReasonProps) {
  const { t } = useTranslation();
  const [reason, setReason] = useState<string>();
  const [comment, setComment] = useState("");
  return (
    <Dialog open onClose={onClose} title={t("feedback.title")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSend(reason, comment.trim() || undefined);
          onClose();
        }}
      >
        <fieldset className="flex flex-wrap gap-2">
          <legend className="sr-only">{t("feedback.title")}</legend>
          {REASONS.map((name) => (
            <Button
              key={name}
              aria-pressed={reason === name}
              className="aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
              onClick={() => setReason(reason === name ? undefined : name)}
            >
              {t(`feedback.reason.${name}`)}
            </Button>
          ))}
        </fieldset>
        <label className="mt-4 block text-sm font-medium">
          {t("feedback.comment")}
          <textarea
            className="mt-1 block min-h-20 w-full rounded-lg border border-edge bg-card p-2 font-normal"
            value={comment}
            onChange={(event) => setComment(event.target.value)}
          />
        </label>
        <div className="mt-4 flex justify-end gap-2">
          <Button look="quiet" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button look="primary" type="submit">
            {t("feedback.send")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
