import { Monitor, Moon, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../ui/button";
import { setTheme, type Theme, useTheme } from "./theme";

const CHOICES: { name: Theme; Icon: typeof Sun }[] = [
  { name: "system", Icon: Monitor },
  { name: "light", Icon: Sun },
  { name: "dark", Icon: Moon },
];

export function ThemePicker() {
  const { t } = useTranslation();
  const current = useTheme();
  return (
    <div role="group" aria-label={t("theme.label")} className="flex gap-1">
      {CHOICES.map(({ name, Icon }) => (
        <IconButton
          key={name}
          label={t(`theme.${name}`)}
          size="small"
          aria-pressed={current === name}
          onClick={() => setTheme(name)}
        >
          <Icon size={15} aria-hidden />
        </IconButton>
      ))}
    </div>
  );
}
