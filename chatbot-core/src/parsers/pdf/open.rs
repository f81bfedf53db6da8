//! Opens a PDF, and says why where it cannot.

use std::sync::Arc;

use hayro_syntax::{DecryptionError, LoadPdfError, Pdf, PdfData};

use crate::error::{Error, Reason, Result};
use crate::parsers::registry::corrupt;
use crate::types::RawDocument;

/// The opened document. A document that only forbids copying opens without its password, as it does in any reader.
pub(super) fn open(raw: &RawDocument) -> Result<Pdf> {
    // Shares the bytes rather than copying them.
    let data = PdfData::from(Arc::new(raw.bytes.clone()));
    Pdf::new(data).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Error::parse(
            Reason::Encrypted,
            "The PDF is protected by a password. Remove the protection and add it again.",
        ),
        LoadPdfError::Decryption(DecryptionError::UnsupportedAlgorithm) => Error::parse(
            Reason::Encrypted,
            "The PDF is encrypted in a way that this build does not know. Remove the protection and add it again.",
        ),
        LoadPdfError::Decryption(
            DecryptionError::MissingIDEntry | DecryptionError::InvalidEncryption,
        ) => corrupt("The encryption of the PDF is damaged. Print it to a new PDF and add that."),
        LoadPdfError::Invalid => {
            corrupt("The file is not a PDF, or it is damaged. Print it to a new PDF and add that.")
        }
    })
}
