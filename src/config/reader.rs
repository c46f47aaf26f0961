//! A walk through a TOML document that notes every fault and goes on.
//!
//! Deserializing with serde stops at the first thing that is wrong; somebody who writes a
//! configuration wants to hear of all of them. So the tables are asked key by key: each answer is
//! a value with its place, or nothing, and then the reason has been noted. What was never asked
//! for is an unknown key.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Noted;
use super::kind::{Kind, Refusal};

/// Where faults are noted and known keys are listed.
pub(super) struct Notes {
    faults: RefCell<Vec<Noted>>,
    keys: RefCell<BTreeSet<String>>,
    walk: Walk,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// A document is read.
    Reading,
    /// What could be understood of a damaged document is read.
    Salvaging,
    /// There is no document: every table is visited as if it were there, to learn its keys.
    Listing,
}

impl Notes {
    /// For reading a document.
    pub(super) fn reading() -> Self {
        Self::new(Walk::Reading)
    }

    /// For reading what could be understood of a document that is not TOML throughout.
    pub(super) fn salvaging() -> Self {
        Self::new(Walk::Salvaging)
    }

    /// For learning which keys there are.
    pub(super) fn listing() -> Self {
        Self::new(Walk::Listing)
    }

    fn new(walk: Walk) -> Self {
        Self {
            faults: RefCell::default(),
            keys: RefCell::default(),
            walk,
        }
    }

    /// Notes that something is wrong, and what would be right.
    pub(super) fn fault(
        &self,
        at: Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let mut faults = self.faults.borrow_mut();
        // What stands for a value that is not TOML is not judged as well.
        if self.walk == Walk::Salvaging && faults.iter().any(|noted| noted.at == at) {
            return;
        }
        faults.push(Noted {
            at,
            message: message.into(),
            remedy: remedy.into(),
        });
    }

    /// Notes what the TOML parser found wrong.
    pub(super) fn syntax(&self, errors: &[toml::de::Error], text: &str) {
        for error in errors {
            self.fault(
                error.span().unwrap_or(text.len()..text.len()),
                format!("not TOML: {}", error.message()),
                "write it as https://toml.io says",
            );
        }
    }

    /// Notes that something is not there. In a file that is not TOML throughout, it may be there
    /// and could not be read.
    pub(super) fn absence(
        &self,
        at: Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.walk == Walk::Reading {
            self.fault(at, message, remedy);
        }
    }

    /// Everything that was noted.
    pub(super) fn into_faults(self) -> Vec<Noted> {
        self.faults.into_inner()
    }

    /// The keys that were asked for, as dotted paths.
    pub(super) fn into_keys(self) -> BTreeSet<String> {
        self.keys.into_inner()
    }
}

/// A table of the document, asked key by key.
pub(super) struct Table<'a> {
    notes: &'a Notes,
    /// Absent where a table is only visited to learn its keys, or has been left out.
    entries: Option<&'a DeTable<'a>>,
    /// Its header, or the whole of an inline table.
    at: Range<usize>,
    /// `service.endpoint`; empty at the root.
    path: String,
    /// How its header is written: `[[service.endpoint]]`.
    header: String,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub(super) fn root(notes: &'a Notes, entries: Option<&'a DeTable<'a>>) -> Self {
        Self {
            notes,
            entries,
            at: 0..0,
            path: String::new(),
            header: "the file".to_owned(),
            asked: RefCell::default(),
        }
    }

    /// Where it begins: its header, or the whole of an inline table.
    pub(super) fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// The value of a key that must be there.
    pub(super) fn required<T: Kind>(&self, key: &'static str) -> Option<Spanned<T>> {
        let Some(value) = self.get(key) else {
            self.missing(key, T::WRITTEN, &format!("{key} = {}", T::EXAMPLE));
            return None;
        };
        self.read(key, value)
    }

    /// The value of a key that may be left out.
    pub(super) fn optional<T: Kind>(&self, key: &'static str) -> Given<T> {
        let Some(value) = self.get(key) else {
            return Given::LeftOut;
        };
        self.read(key, value).map_or(Given::Wrong, Given::Written)
    }

    /// The values of a list that must be there and hold something.
    pub(super) fn required_list<T: Kind>(&self, key: &'static str) -> Option<Vec<Spanned<T>>> {
        let Some(value) = self.get(key) else {
            self.missing(key, "a list", &format!("{key} = [{}]", T::EXAMPLE));
            return None;
        };
        self.read_list(key, value)
    }

    /// The values of a list that may be left out, but not be empty.
    pub(super) fn optional_list<T: Kind>(&self, key: &'static str) -> Option<Vec<Spanned<T>>> {
        self.read_list(key, self.get(key)?)
    }

    /// The entries of a table whose keys are free.
    pub(super) fn free(&self, key: &'static str) -> Vec<(Spanned<String>, Entry<'a>)> {
        if self.notes.walk == Walk::Listing {
            self.ask(key);
            let name = Spanned::new(self.at(), String::new());
            return vec![(name, Entry::Table(self.empty(self.path_of(key))))];
        }
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        self.named(key, value)
            .into_iter()
            .map(|(name, value)| (name, self.entry(self.path_of(key), value)))
            .collect()
    }

    /// The values of a table whose keys are free, each with its name.
    pub(super) fn free_values<T: Kind>(&self, key: &'static str) -> Vec<Named<T>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        self.named(key, value)
            .into_iter()
            .map(|(name, value)| {
                let read = self.read(name.get_ref(), value);
                (name, read)
            })
            .collect()
    }

    /// The entries of a table whose keys are free, in the order of the file.
    fn named(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Vec<(Spanned<String>, &'a Spanned<DeValue<'a>>)> {
        let Some(entries) = value.get_ref().as_table() else {
            self.other_kind(
                key,
                value,
                "a table",
                &format!("{key} = {{ Name = \"…\" }}"),
            );
            return Vec::new();
        };
        let mut found: Vec<_> = entries
            .iter()
            .map(|(name, value)| {
                let name = Spanned::new(name.span(), name.get_ref().to_string());
                (name, value)
            })
            .collect();
        found.sort_by_key(|(name, _)| name.span().start);
        found
    }

    /// The value of a key that is either simple or a table, and may be left out.
    pub(super) fn either<T: Kind, U>(
        &self,
        key: &'static str,
        simple: impl FnOnce(Spanned<T>) -> U,
        table: impl FnOnce(Table<'a>) -> U,
    ) -> Given<U> {
        if self.notes.walk == Walk::Listing {
            self.ask(key);
            table(self.empty(self.path_of(key)));
            return Given::LeftOut;
        }
        let Some(value) = self.get(key) else {
            return Given::LeftOut;
        };
        let read = match self.entry(self.path_of(key), value) {
            Entry::Table(entries) => Some(table(entries)),
            Entry::Value(value) => self.read(key, value).map(simple),
        };
        read.map_or(Given::Wrong, |read| {
            Given::Written(Spanned::new(value.span(), read))
        })
    }

    /// A table that must be there.
    pub(super) fn required_table<U>(
        &self,
        key: &'static str,
        read: impl FnOnce(Table<'a>) -> U,
    ) -> Option<U> {
        match self.optional_table(key, read) {
            Given::Written(read) => Some(read.into_inner()),
            Given::Wrong => None,
            Given::LeftOut => {
                self.missing(key, "a table", &format!("[{}]", self.path_of(key)));
                None
            }
        }
    }

    /// A table that may be left out.
    pub(super) fn optional_table<U>(
        &self,
        key: &'static str,
        read: impl FnOnce(Table<'a>) -> U,
    ) -> Given<U> {
        if self.notes.walk == Walk::Listing {
            self.ask(key);
            read(self.empty(self.path_of(key)));
            return Given::LeftOut;
        }
        let Some(value) = self.get(key) else {
            return Given::LeftOut;
        };
        match self.entry(self.path_of(key), value) {
            Entry::Table(table) => Given::Written(Spanned::new(value.span(), read(table))),
            Entry::Value(value) => {
                self.other_kind(key, value, "a table", &format!("[{}]", self.path_of(key)));
                Given::Wrong
            }
        }
    }

    /// A table each of whose keys has a default: an empty one if it was left out.
    pub(super) fn section(&self, key: &'static str) -> Self {
        match self.optional_table(key, |table| table) {
            Given::Written(table) => table.into_inner(),
            Given::LeftOut | Given::Wrong => self.empty(self.path_of(key)),
        }
    }

    /// The tables of a list of tables, in the order of the file; nothing if it is no list.
    pub(super) fn tables<U>(
        &self,
        key: &'static str,
        read: impl Fn(Table<'a>) -> U,
    ) -> Option<Vec<U>> {
        let path = self.path_of(key);
        if self.notes.walk == Walk::Listing {
            self.ask(key);
            return Some(vec![read(self.empty(path))]);
        }
        let Some(value) = self.get(key) else {
            return Some(Vec::new());
        };
        let Some(items) = value.get_ref().as_array() else {
            // It may also be a `[[service]]` that could not be read, with tables below it that
            // could.
            self.notes.absence(
                value.span(),
                format!("`{key}` is not a list of tables"),
                format!("write `[[{path}]]`, one for each"),
            );
            // `[service]` instead of `[[service]]`: what it holds is read all the same.
            if let Entry::Table(table) = self.entry(path, value) {
                read(table);
            }
            return None;
        };
        if items.is_empty() {
            self.notes.fault(
                value.span(),
                format!("`{key}` is empty"),
                "leave it out, or name at least one",
            );
        }
        let tables = items.iter().filter_map(|item| {
            let mut table = match self.entry(path.clone(), item) {
                Entry::Table(table) => table,
                Entry::Value(item) => {
                    self.other_kind(key, item, "a table", &format!("[[{path}]]"));
                    return None;
                }
            };
            table.header = format!("[[{path}]]");
            Some(read(table))
        });
        Some(tables.collect())
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.ask(key);
        self.get_unasked(key)
    }

    fn get_unasked(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries?.get(key)
    }

    fn ask(&self, key: &'static str) {
        self.asked.borrow_mut().push(key);
        self.notes.keys.borrow_mut().insert(self.path_of(key));
    }

    fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    fn empty(&self, path: String) -> Self {
        self.child(path, self.at(), None)
    }

    fn child(&self, path: String, at: Range<usize>, entries: Option<&'a DeTable<'a>>) -> Self {
        Self {
            notes: self.notes,
            entries,
            at,
            header: format!("[{path}]"),
            path,
            asked: RefCell::default(),
        }
    }

    fn entry(&self, path: String, value: &'a Spanned<DeValue<'a>>) -> Entry<'a> {
        match value.get_ref() {
            DeValue::Table(entries) => Entry::Table(self.child(path, value.span(), Some(entries))),
            _ => Entry::Value(value),
        }
    }

    /// Reads a value that was found under `key`.
    pub(super) fn read<T: Kind>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Spanned<T>> {
        self.read_like(key, value, &format!("{key} = {}", T::EXAMPLE))
    }

    fn read_list<T: Kind>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Vec<Spanned<T>>> {
        let example = format!("{key} = [{}]", T::EXAMPLE);
        let Some(items) = value.get_ref().as_array() else {
            self.other_kind(key, value, "a list", &example);
            return None;
        };
        if items.is_empty() {
            self.notes.fault(
                value.span(),
                format!("`{key}` is empty"),
                format!("leave it out, or name at least one: `{example}`"),
            );
            return None;
        }
        let read: Vec<_> = items
            .iter()
            .filter_map(|item| self.read_like(key, item, &example))
            .collect();
        (read.len() == items.len()).then_some(read)
    }

    fn read_like<T: Kind>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        example: &str,
    ) -> Option<Spanned<T>> {
        let (why, remedy) = match T::read(value.get_ref()) {
            Ok(read) => return Some(Spanned::new(value.span(), read)),
            Err(Refusal::Other) => {
                self.other_kind(key, value, T::NAME, example);
                return None;
            }
            Err(Refusal::Wrong(why)) => (
                why,
                format!("write {}, for example `{example}`", T::WRITTEN),
            ),
            Err(Refusal::WrongWithRemedy(why, remedy)) => (why, remedy),
        };
        self.notes
            .fault(value.span(), format!("`{key}` {why}"), remedy);
        None
    }

    fn missing(&self, key: &str, written: &str, example: &str) {
        self.notes.absence(
            self.at(),
            format!("`{key}` is missing in {}", self.header),
            format!("add {written}, for example `{example}`"),
        );
    }

    fn other_kind(&self, key: &str, value: &Spanned<DeValue<'_>>, kind: &str, example: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "a yes or no",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.notes.fault(
            value.span(),
            format!("`{key}` is {found}, not {kind}"),
            format!("write `{example}`"),
        );
    }
}

/// Whoever has read a table has asked for all its keys: what is left is unknown.
impl Drop for Table<'_> {
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        for (key, value) in self.entries.into_iter().flatten() {
            let name = key.get_ref().as_ref();
            if asked.contains(&name) {
                continue;
            }
            let free = asked
                .iter()
                .copied()
                .filter(|known| self.get_unasked(known).is_none());
            let remedy = if let Some(near) = nearest(name, free) {
                format!("did you mean `{near}`?")
            } else if let Some(homes) = homes(name) {
                format!("`{name}` belongs in {homes}")
            } else {
                format!("remove it; known here: {}", list(asked.iter().copied()))
            };
            let what = if value.get_ref().is_table() {
                "table"
            } else {
                "key"
            };
            self.notes.fault(
                key.span(),
                format!("unknown {what} `{name}` in {}", self.header),
                remedy,
            );
        }
    }
}

/// An entry of a table whose keys are free: its name, and its value unless that was wrong.
pub(super) type Named<T> = (Spanned<String>, Option<Spanned<T>>);

/// A value that may be simple or a table.
pub(super) enum Entry<'a> {
    /// Simple, or a list.
    Value(&'a Spanned<DeValue<'a>>),
    /// A table.
    Table(Table<'a>),
}

/// The value of a key that may be left out.
pub(super) enum Given<T> {
    /// It was left out: its default holds.
    LeftOut,
    /// It was wrong, which has been noted; nothing may be concluded from it.
    Wrong,
    /// It was written.
    Written(Spanned<T>),
}

impl<T> Given<T> {
    /// The value, if one was written.
    pub(super) fn written(&self) -> Option<&Spanned<T>> {
        match self {
            Self::Written(value) => Some(value),
            Self::LeftOut | Self::Wrong => None,
        }
    }

    /// Where it was written.
    pub(super) fn at(&self) -> Option<Range<usize>> {
        self.written().map(Spanned::span)
    }

    /// The value, if it may be left out and was not wrong.
    pub(super) fn maybe(self) -> Option<Option<T>> {
        match self {
            Self::LeftOut => Some(None),
            Self::Wrong => None,
            Self::Written(value) => Some(Some(value.into_inner())),
        }
    }

    /// The value or its default; nothing if it was wrong.
    pub(super) fn or(self, default: T) -> Option<T> {
        self.maybe().map(|value| value.unwrap_or(default))
    }
}

/// The name most like `name`, if one is near enough to be a slip of the pen.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let n_letters = name.chars().count();
    // A third of the letters, and at least one; but something must be left to recognize.
    let distance_max = (n_letters / 3).max(1).min(n_letters.saturating_sub(1));
    known
        .map(|known| (strsim::osa_distance(&name, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The tables that know a key of this name, for somebody who wrote it in another one.
fn homes(name: &str) -> Option<String> {
    let keys = super::keys();
    let homes: Vec<&str> = keys
        .iter()
        .filter_map(|path| path.rsplit_once('.').filter(|(_, key)| *key == name))
        .map(|(home, _)| home)
        .collect();
    (!homes.is_empty()).then(|| list(homes.into_iter()))
}

/// ``a`, `b` and `c``, in code quotes.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
