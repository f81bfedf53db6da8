-- Of a version that was published: the facts that its format carried, and how its passages differ from those of the
-- version that answered before it, whose number is compared_to. Null where nothing was compared.
ALTER TABLE versions ADD COLUMN metadata TEXT;
ALTER TABLE versions ADD COLUMN compared_to INTEGER;
ALTER TABLE versions ADD COLUMN n_kept INTEGER;
ALTER TABLE versions ADD COLUMN n_added INTEGER;
ALTER TABLE versions ADD COLUMN n_removed INTEGER;

-- Whether title is known to be what the chunks were named under: of versions from before it was kept, it is a guess.
ALTER TABLE versions ADD COLUMN title_is_sure INTEGER NOT NULL DEFAULT 1;
UPDATE versions SET title_is_sure = 0 WHERE created_at <= (SELECT applied_at FROM core_migrations WHERE version = 2);
