//! How a link is, in words.

use ovn::net::Link;

/// Why a link is down; `None`: it is up and its copy complete.
#[must_use]
pub fn link_text(link: &Link) -> Option<String> {
    match link {
        Link::Synced => None,
        Link::Down(why) if why.is_empty() => Some("not connected yet".to_owned()),
        Link::Down(why) => Some(why.clone()),
    }
}
