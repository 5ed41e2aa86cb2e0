//! A cursor over received octets: every step is checked and knows its offset in the message.

/// The message ended `need - have` octets early at offset `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) at: usize,
}

/// Reads big-endian fields from the front; `at` is the offset of the next octet in the whole message.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads `octets`, the first of which stands at offset `at` of its message.
    pub(crate) fn new(octets: &'a [u8], at: usize) -> Self {
        Self { rest: octets, at }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left, without moving on.
    pub(crate) fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// Everything that is left.
    pub(crate) fn remaining(&mut self) -> &'a [u8] {
        let all = std::mem::take(&mut self.rest);
        self.at = self.at.saturating_add(all.len());
        all
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Short> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Short { at: self.at })?;
        self.rest = rest;
        self.at = self.at.saturating_add(len);
        Ok(head)
    }

    /// A reader of the next `len` octets, on its own.
    pub(crate) fn sub(&mut self, len: usize) -> Result<Reader<'a>, Short> {
        let at = self.at;
        Ok(Reader::new(self.take(len)?, at))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Short { at: self.at })?;
        self.rest = rest;
        self.at = self.at.saturating_add(N);
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Short> {
        self.array::<1>().map(|[octet]| octet)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Short> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Short> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn octets<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        self.array()
    }
}
