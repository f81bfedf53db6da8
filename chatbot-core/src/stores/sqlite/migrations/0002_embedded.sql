-- A change of the kind 'embedded' says which chunks of the version got vectors: from ordinal_start to before ordinal_end.
ALTER TABLE changes ADD COLUMN ordinal_start INTEGER;
ALTER TABLE changes ADD COLUMN ordinal_end INTEGER;
