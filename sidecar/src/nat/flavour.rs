//! The two flavours of iptables.

use std::fmt;

/// Which of the kernel's two packet filters iptables writes to. Rules of both are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// nf_tables.
    Nft,
    /// x_tables.
    Legacy,
}

impl Flavour {
    /// Both, the better one first.
    pub const ALL: [Self; 2] = [Self::Nft, Self::Legacy];

    /// As in the names of programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Legacy => "legacy",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
