import "./styles.css";
import "./i18n";
import { QueryClientProvider } from "@tanstack/react-query";
import { Tooltip } from "radix-ui";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import { queryClient } from "./api/queries";
import { Shell } from "./app/shell";
import { applyTheme } from "./app/theme";

applyTheme();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <Tooltip.Provider delayDuration={400} skipDelayDuration={200}>
          {/* A transition would wait while an answer is arriving. */}
          <BrowserRouter useTransitions={false}>
            <Routes>
              {/* One element for both, so that a chat that gets its address stays what it is. */}
              <Route element={<Shell />}>
                <Route path="/" />
                <Route path="/chat/:session" />
              </Route>
              <Route path="*" element={<Navigate to="/" replace />} />
            </Routes>
          </BrowserRouter>
        </Tooltip.Provider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
