-- Of a version that was published: the facts that its format carried, and how its passages differ from those of the
-- version that answered before it, whose number is compared_to. Null where nothing was compared.
ALTER TABLE versions ADD COLUMN metadata TEXT;
ALTER TABLE versions ADD COLUMN compared_to INTEGER;
ALTER TABLE versions ADD COLUMN n_kept INTEGER;
ALTER TABLE versions ADD COLUMN n_added INTEGER;
ALTER TABLE versions ADD COLUMN n_removed INTEGER;
