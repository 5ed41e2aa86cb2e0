//! From the rows that are wanted and the rows that are there to one transaction.
//!
//! All of an object's rows are in one transaction: there is never half a gateway. It carries `wait` operations on what it
//! rests on, so that a copy of the database that is behind, or another writer, leads to a transaction that is refused and
//! to a new pass, never to rows that are there twice. Rows of others are never touched: ours are those whose
//! `external_ids` hold our ids, and a name that somebody else has is a [`Clash`].

mod columns;
mod difference;
mod found;
mod port;
mod transaction;

use ovn::{Operation, Replica};

use crate::rows::{Key, Row};
use crate::view::Name;

pub use found::{Found, found};

/// Whose rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Of one gateway.
    Gateway {
        /// `external_ids:vendor`.
        vendor: Box<str>,
        /// `external_ids:vpc-egress-gateway`.
        name: Name,
    },
    /// BFD ports of one VPC.
    Vpc {
        /// `external_ids:vendor`.
        vendor: Box<str>,
        /// The VPC.
        name: Box<str>,
    },
    /// Of every gateway.
    Anyone {
        /// `external_ids:vendor`.
        vendor: Box<str>,
    },
}

/// A row that is wanted has the name of one that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is there and belongs to somebody else")]
pub struct Clash(pub Key);

/// A row that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// See [`Clash`].
    #[error(transparent)]
    Clash(#[from] Clash),
    /// The router it belongs to is not there (yet).
    #[error("{key}: there is no logical router {router}")]
    NoRouter {
        /// The row.
        key: Key,
        /// The router.
        router: Box<str>,
    },
}

/// The operations that make the owner's rows those that are wanted; none if they are.
///
/// # Errors
/// [`Impossible`]: nothing is to be done then.
pub fn operations(replica: &Replica, owner: &Owner, wanted: &[Row]) -> Result<Vec<Operation>, Impossible> {
    let mut transaction = transaction::Transaction::default();
    let (ports, others): (Vec<&Row>, Vec<&Row>) =
        wanted.iter().partition(|row| matches!(row, Row::BfdPort { .. }));
    match owner {
        Owner::Vpc { vendor, name } => port::differences(replica, [vendor, name], &ports, &mut transaction)?,
        Owner::Gateway { .. } | Owner::Anyone { .. } => {
            difference::differences(replica, owner, &others, &mut transaction)?;
        }
    }
    Ok(transaction.into_operations())
}
