//! Tables of keys that may all be missing, one laid over the other; and the files that some of them name.

use std::path::{Path, PathBuf};

macro_rules! given {
    ($(#[$what:meta])* $name:ident {
        $($(#[$doc:meta])* $key:ident: $kind:ty,)*
        $(; $($table:ident: $given:ty,)*)?
    }) => {
        $(#[$what])*
        #[derive(Clone, Debug, Default)]
        pub(in crate::config) struct $name {
            $($(#[$doc])* pub(in crate::config) $key: Option<$kind>,)*
            $($(pub(in crate::config) $table: $given,)*)?
        }

        impl $name {
            /// These keys, and those of `base` where there are none.
            pub(in crate::config) fn over(self, base: &Self) -> Self {
                Self {
                    $($key: self.$key.or_else(|| base.$key.clone()),)*
                    $($($table: self.$table.over(&base.$table),)*)?
                }
            }
        }
    };
}

pub(super) use given;

/// The files that keys are in, relative to the one that names them.
pub(super) struct Secrets<'a> {
    pub(super) base: &'a Path,
    /// All of them, to be followed.
    pub(super) read: Vec<PathBuf>,
}
