//! JSON: a line for each value, with the names that lead to it; an empty line between two records.
//!
//! `{"pump": {"oil": "ISO VG 46"}}` becomes `pump.oil: ISO VG 46`: a line that can be found, quoted and understood by
//! itself. Values are written while they are read, so that memory does not hold them a second time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Page;
use crate::error::{Error, Result};

/// Values of a list that share a line, in bytes.
const LINE_BYTES: usize = 400;
/// More of this in a path is not a name.
const MAX_PATH_BYTES: usize = 200;

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let mut values = serde_json::Deserializer::from_str(text);
    loop {
        page.assembly.apart();
        let mut failure = None;
        let value = Value { page: &mut *page, path: "", listed: true, failure: &mut failure };
        let read = value.deserialize(&mut values);
        match (failure, read) {
            (Some(error), _) => return Err(error),
            (None, Err(_)) => return Ok(false),
            (None, Ok(Some(scalar))) => page.value("", &scalar)?,
            (None, Ok(None)) => {}
        }
        if values.end().is_ok() {
            return Ok(true);
        }
    }
}

/// A value on its way: a list or an object writes itself, a scalar is handed to what it is part of.
struct Value<'v, 'a> {
    page: &'v mut Page<'a>,
    path: &'v str,
    /// Whether it is one of a list: then an object is a record by itself.
    listed: bool,
    /// Why writing ended, which is not what the format calls an error.
    failure: &'v mut Option<Error>,
}

impl<'a> Value<'_, 'a> {
    fn part<'p>(&'p mut self, path: &'p str, listed: bool) -> Value<'p, 'a> {
        Value { page: self.page, path, listed, failure: self.failure }
    }

    fn write<E: serde::de::Error>(
        &mut self,
        path: &str,
        scalar: &str,
    ) -> std::result::Result<(), E> {
        self.page.value(path, scalar).map_err(|error| {
            *self.failure = Some(error);
            E::custom("the text has to end here")
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        value: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.to_owned()))
    }

    fn visit_unit<E>(self) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(
        mut self,
        mut list: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let (path, mut line) = (self.path, String::new());
        loop {
            let value = self.part(path, true);
            let Some(scalar) = list.next_element_seed(value)? else { break };
            let Some(scalar) = scalar else { continue };
            if !line.is_empty() {
                line.push_str(", ");
            }
            line.push_str(&scalar);
            if line.len() > LINE_BYTES {
                self.write(path, &std::mem::take(&mut line))?;
            }
        }
        self.write(path, &line)?;
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(
        mut self,
        mut object: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        if self.listed {
            self.page.assembly.apart();
        }
        while let Some(name) = object.next_key::<String>()? {
            let path = match self.path {
                "" => name,
                path if path.len() > MAX_PATH_BYTES => path.to_owned(),
                path => format!("{path}.{name}"),
            };
            let value = self.part(&path, false);
            if let Some(scalar) = object.next_value_seed(value)? {
                self.write(&path, &scalar)?;
            }
        }
        Ok(None)
    }
}
