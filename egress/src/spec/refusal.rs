//! Why a gateway cannot be followed: each fault with its field, its value and the rule it breaks.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The word a fault has in `status.conditions[].reason`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All of them, in the order they are looked for.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word itself.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

reasons! {
    /// A field that is not served yet is set.
    UnservedField,
    /// The name of the Deployment would not be one.
    InvalidName,
    /// No image, neither in the object nor of the controller.
    NoImage,
    /// `replicas` out of range.
    InvalidReplicas,
    /// A field with a closed set of words has another one.
    InvalidValue,
    /// The VPC does not exist.
    UnknownVpc,
    /// The VPC has no logical router yet.
    VpcNotReady,
    /// A Subnet does not exist, or none is named.
    MissingSubnet,
    /// A Subnet was refused by its controller.
    SubnetNotValidated,
    /// A Subnet belongs to another VPC.
    SubnetOfOtherVpc,
    /// A Subnet's provider is not one that can serve here.
    InvalidProvider,
    /// Pods of a Subnet are on a physical network, so that no logical router sees their traffic.
    UnderlaySubnet,
    /// The network attachment of the external Subnet does not exist.
    MissingAttachment,
    /// No family has a gateway on both sides.
    NoFamily,
    /// An address, CIDR or list of them that cannot be read, or does not belong where it is.
    InvalidAddress,
    /// Fewer addresses than replicas.
    TooFewAddresses,
    /// Addresses and a pool for one side.
    AddressesAndPool,
    /// Neither a policy nor a selector.
    PolicyOrSelectorMissing,
    /// A policy without a source.
    EmptyPolicy,
    /// A selector that is there but empty.
    EmptySelector,
    /// A selector's requirement that means nothing.
    InvalidSelector,
    /// CIDRs that must not overlap.
    OverlappingCIDRs,
    /// A bandwidth that cannot be read.
    InvalidBandwidth,
    /// A BFD interval out of range.
    InvalidInterval,
    /// The BFD multiplier does not fit its octet.
    MultiplierTooBig,
    /// BFD is wanted, but the VPC has no BFD port.
    VpcBfdPortNotEnabled,
    /// The address of the VPC's BFD port cannot be used.
    InvalidBfdPort,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its word.
    pub reason: Reason,
    /// Where: a path in the gateway, or `KIND/NAME: PATH` in an object it refers to.
    pub field: String,
    /// What is there.
    pub value: String,
    /// What must be.
    pub rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}: {}", self.field, self.value, self.rule)
    }
}

/// Everything that is wrong with a gateway; at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    first: Fault,
    more: Vec<Fault>,
}

impl Refusal {
    /// The reason of the condition: that of the first fault.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.first.reason
    }

    /// Every fault, in the order they were found.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl fmt::Display for Refusal {
    /// The message of the condition: every fault, separated by semicolons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.more.iter().try_for_each(|fault| write!(f, "; {fault}"))
    }
}

impl std::error::Error for Refusal {}

/// Faults as they are found. A message stays readable and an object small, whatever is in the gateway.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

/// How many faults are told at once.
const MOST: usize = 8;
/// How much of a value is repeated, in characters.
const LONGEST: usize = 80;

/// At most so many characters of a text.
fn cut(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

impl Faults {
    pub(super) fn add(
        &mut self,
        reason: Reason,
        field: impl Into<String>,
        value: &str,
        rule: impl Into<String>,
    ) {
        if self.0.len() >= MOST {
            return;
        }
        self.0.push(Fault {
            reason,
            field: field.into(),
            value: cut(value, LONGEST),
            rule: cut(&rule.into(), 4 * LONGEST),
        });
    }

    /// What was checked, or every fault there is.
    pub(super) fn settle<T>(self, checked: Option<T>) -> Result<T, Refusal> {
        let mut all = self.0.into_iter();
        match (all.next(), checked) {
            (None, Some(checked)) => Ok(checked),
            (Some(first), _) => Err(Refusal { first, more: all.collect() }),
            (None, None) => Err(Refusal { first: Fault::untold(), more: Vec::new() }),
        }
    }
}

impl Fault {
    /// Something is missing though nothing said what.
    fn untold() -> Self {
        Self {
            reason: Reason::InvalidValue,
            field: "spec".to_owned(),
            value: String::new(),
            rule: "refers to something that is not there".to_owned(),
        }
    }
}
