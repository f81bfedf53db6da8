//! The whole HTTP surface. Every route names the permission it needs; `Public` routes tell nobody anything about
//! anyone.
//!
//! The places of what is to come: accounts (`/api/v1/auth`, the rest of `/api/v1/me`, `/api/v1/api-keys`), administration
//! (`/api/v1/admin`) and the OpenAI-shaped surface (`/v1`) get their sections here.

pub(crate) mod chat;
pub(crate) mod collections;
pub(crate) mod documents;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod search;
pub(crate) mod sessions;
mod surface;
pub(crate) mod upload;
pub(crate) mod usage;

use axum::Router;

use crate::app::App;
use crate::auth::Permission::{Chat, Public, Read, Write};
use crate::{assets, layers, openapi};

pub use surface::{RouteInfo, Surface};

/// Every route with its handler.
#[must_use]
#[rustfmt::skip]
pub fn surface() -> Surface {
    Surface::default()
        // Health and operation
        .get   (Public, "/health",                                     health::live)
        .get   (Public, "/ready",                                      health::ready)
        .get   (Public, "/api/v1/health",                              health::components)
        .get   (Public, "/openapi.json",                               openapi::json)
        .get   (Public, "/docs",                                       openapi::page)
        .get   (Public, "/docs/{*file}",                               openapi::file)
        // Collections
        .get   (Read,   "/api/v1/collections",                         collections::list)
        .post  (Write,  "/api/v1/collections",                         collections::create)
        .get   (Read,   "/api/v1/collections/{id}",                    collections::get)
        .patch (Write,  "/api/v1/collections/{id}",                    collections::update)
        .delete(Write,  "/api/v1/collections/{id}",                    collections::delete)
        // Documents
        .get   (Read,   "/api/v1/documents",                           documents::list)
        .post  (Write,  "/api/v1/documents",                           upload::create)
        .post  (Write,  "/api/v1/documents/text",                      upload::create_text)
        .post  (Write,  "/api/v1/documents/url",                       upload::create_from_address)
        .get   (Read,   "/api/v1/documents/{id}",                      documents::get)
        .patch (Write,  "/api/v1/documents/{id}",                      documents::update)
        .delete(Write,  "/api/v1/documents/{id}",                      documents::delete)
        .get   (Read,   "/api/v1/documents/{id}/content",              documents::content)
        .put   (Write,  "/api/v1/documents/{id}/content",              upload::replace)
        .get   (Read,   "/api/v1/documents/{id}/text",                 documents::text)
        .get   (Read,   "/api/v1/documents/{id}/chunks",               documents::chunks)
        .get   (Read,   "/api/v1/documents/{id}/versions",             documents::versions)
        .post  (Write,  "/api/v1/documents/{id}/versions/{version}/restore", documents::restore)
        .post  (Write,  "/api/v1/documents/{id}/reindex",              documents::reindex)
        .post  (Write,  "/api/v1/documents/{id}/cancel",               documents::cancel)
        .get   (Read,   "/api/v1/documents/{id}/events",               documents::events)
        // Search
        .post  (Read,   "/api/v1/search",                              search::search)
        // What the asker used
        .get   (Read,   "/api/v1/me/usage",                            usage::used)
        // Sessions and chat
        .get   (Chat,   "/api/v1/models",                              models::list)
        .post  (Chat,   "/api/v1/chat",                                chat::chat)
        .get   (Chat,   "/api/v1/sessions",                            sessions::list)
        .post  (Chat,   "/api/v1/sessions",                            sessions::create)
        .get   (Chat,   "/api/v1/sessions/{id}",                       sessions::get)
        .patch (Chat,   "/api/v1/sessions/{id}",                       sessions::update)
        .delete(Chat,   "/api/v1/sessions/{id}",                       sessions::delete)
        .get   (Chat,   "/api/v1/sessions/{id}/events",                sessions::events)
        .post  (Chat,   "/api/v1/sessions/{id}/share",                 sessions::share)
        .delete(Chat,   "/api/v1/sessions/{id}/share",                 sessions::unshare)
        .get   (Chat,   "/api/v1/sessions/{id}/export",                export::export)
        .get   (Chat,   "/api/v1/sessions/{id}/messages",              messages::list)
        .post  (Chat,   "/api/v1/sessions/{id}/messages",              chat::send)
        .put   (Chat,   "/api/v1/sessions/{id}/messages/{mid}",        chat::edit)
        .post  (Chat,   "/api/v1/sessions/{id}/messages/{mid}/regenerate", chat::regenerate)
        .get   (Chat,   "/api/v1/messages/{mid}",                      messages::get)
        .put   (Chat,   "/api/v1/messages/{mid}/feedback",             messages::feedback)
        .post  (Chat,   "/api/v1/messages/{mid}/stop",                 messages::stop)
        .get   (Chat,   "/api/v1/messages/{mid}/stream",               messages::stream)
}

/// The surface over an engine, the page included, with everything that surrounds a request.
pub fn router(app: App) -> Router {
    let routes = surface().into_router().fallback(assets::serve);
    let routes = routes.method_not_allowed_fallback(surface::method_not_allowed);
    let body_timeout = app.body_timeout;
    layers::wrap(routes.with_state(app), body_timeout)
}
