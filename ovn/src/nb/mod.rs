//! Tables of the northbound database (ovn-nb(5)), with the columns that daemons here read.

mod routing;
mod sets;
mod switching;

pub use routing::{
    Action, Bfd, LogicalRouter, LogicalRouterPolicy, LogicalRouterPort, LogicalRouterStaticRoute, Status,
};
pub use sets::{AddressSet, Global, HaChassis, HaChassisGroup, PortGroup};
pub use switching::{LogicalSwitch, LogicalSwitchPort};

/// The name of the database.
pub const DATABASE: &str = "OVN_Northbound";
