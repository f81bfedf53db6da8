/** How a question is answered: where to look, how, and by which model. */

import { Check, Cpu, FolderOpen, Search } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useCollections, useModels, useSession } from "../api/queries";
import type { Id, Strategy } from "../api/types";
import { useModel } from "../app/places";
import { setShell, useShell } from "../app/shell-state";
import { Menu, MenuCheck, MenuLabel, MenuRadio, MenuRadioGroup, MenuTick } from "../ui/menu";

const PICKER =
  "inline-flex min-h-9 min-w-0 items-center gap-1.5 rounded-lg px-2 text-sm text-soft transition-colors hover:bg-hover hover:text-ink";

export function CollectionPicker() {
  const { t } = useTranslation();
  const { collectionIds } = useShell();
  const { data: collections = [] } = useCollections();
  const picked = collections.filter((collection) => collectionIds.includes(collection.id));
  const label =
    picked.length === 0
      ? t("picker.everywhere")
      : picked.length === 1
        ? (picked[0]?.name ?? "")
        : t("picker.collections", { count: picked.length });
  const toggle = (id: string, on: boolean) =>
    setShell({ collectionIds: on ? [...collectionIds, id] : collectionIds.filter((other) => other !== id) });
  return (
    <Menu
      side="top"
      trigger={
        <button type="button" className={PICKER} aria-label={t("picker.collectionLabel", { label })}>
          <FolderOpen size={16} className="shrink-0" aria-hidden />
          <span className="max-w-36 truncate max-sm:hidden">{label}</span>
        </button>
      }
    >
      <MenuLabel>{t("picker.searchIn")}</MenuLabel>
      <MenuCheck checked={picked.length === 0} onCheckedChange={() => setShell({ collectionIds: [] })}>
        {t("picker.everywhere")}
        <MenuTick>
          <Check size={15} aria-hidden />
        </MenuTick>
      </MenuCheck>
      {collections.map((collection) => (
        <MenuCheck
          key={collection.id}
          checked={collectionIds.includes(collection.id)}
          onSelect={(event) => event.preventDefault()}
          onCheckedChange={(on) => toggle(collection.id, on)}
        >
          <span className="min-w-0 truncate">{collection.name}</span>
          <span className="ml-auto text-xs text-soft">{collection.document_count}</span>
          <MenuTick>
            <Check size={15} aria-hidden />
          </MenuTick>
        </MenuCheck>
      ))}
    </Menu>
  );
}

const STRATEGIES: Strategy[] = ["auto", "hybrid", "lexical", "dense", "none"];

export function StrategyPicker() {
  const { t } = useTranslation();
  const { strategy } = useShell();
  const label = t(`strategy.${strategy}.name`);
  return (
    <Menu
      side="top"
      trigger={
        <button type="button" className={PICKER} aria-label={t("strategy.label", { label })}>
          <Search size={16} className="shrink-0" aria-hidden />
          <span className="truncate max-sm:hidden">{label}</span>
        </button>
      }
    >
      <MenuLabel>{t("strategy.title")}</MenuLabel>
      <MenuRadioGroup value={strategy} onValueChange={(next) => setShell({ strategy: next as Strategy })}>
        {STRATEGIES.map((name) => (
          <MenuRadio key={name} value={name}>
            <span>
              <span className="block">{t(`strategy.${name}.name`)}</span>
              <span className="block text-xs text-soft">{t(`strategy.${name}.what`)}</span>
            </span>
            <MenuTick>
              <Check size={15} aria-hidden />
            </MenuTick>
          </MenuRadio>
        ))}
      </MenuRadioGroup>
    </Menu>
  );
}

/** Shown where there is a choice. What is picked holds for the questions of this visit. */
export function ModelPicker({ session }: { session: Id | null }) {
  const { t } = useTranslation();
  const { data: models = [] } = useModels();
  const { data: current } = useSession(session);
  const asked = useModel();
  if (models.length < 2) return null;
  const used = asked ?? current?.model ?? models[0] ?? "";
  return (
    <Menu
      side="top"
      trigger={
        <button type="button" className={PICKER} aria-label={t("model.label", { label: modelName(used) })}>
          <Cpu size={16} className="shrink-0" aria-hidden />
          <span className="max-w-36 truncate max-sm:hidden">{modelName(used)}</span>
        </button>
      }
    >
      <MenuLabel>{t("model.title")}</MenuLabel>
      <MenuRadioGroup value={used} onValueChange={(model) => setShell({ model })}>
        {models.map((model) => (
          <MenuRadio key={model} value={model}>
            <span className="min-w-0">
              <span className="block truncate">{modelName(model)}</span>
              {modelName(model) !== model && (
                <span className="block truncate text-xs text-soft">{model}</span>
              )}
            </span>
            <MenuTick>
              <Check size={15} aria-hidden />
            </MenuTick>
          </MenuRadio>
        ))}
      </MenuRadioGroup>
    </Menu>
  );
}

/** A model's own name, without where it runs: `openai+http://127.0.0.1:11434/v1#qwen3` is `qwen3`. */
function modelName(id: string): string {
  return id.slice(id.lastIndexOf("#") + 1);
}
