-- The pages that begin inside a chunk, so that a quote is shown on its own page: [{"page": 4, "byte": 1234}, …]. Null where
-- none begins inside, and for what an earlier release cut: there a quote is on the page that its chunk starts on.
ALTER TABLE chunks ADD COLUMN page_starts TEXT;
