//! Lists that come in pages.

use chatbot_core::types::{Cursor, PageRequest};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::{ApiError, ApiResult};

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items wanted at the most, 1–200; 50 where nothing is said.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    pub(crate) fn request(self) -> ApiResult<PageRequest> {
        page(self.limit, self.cursor)
    }
}

/// The page that a query asks for.
///
/// # Errors
/// `invalid_input` where `limit` is out of range.
pub(crate) fn page(limit: Option<u32>, cursor: Option<String>) -> ApiResult<PageRequest> {
    let limit = limit.unwrap_or_else(|| PageRequest::default().limit());
    PageRequest::new(limit, cursor.map(Cursor::new))
        .map_err(|_| ApiError::field("limit", "expected a number from 1 to 200"))
}
