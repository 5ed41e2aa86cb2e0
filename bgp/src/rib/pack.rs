//! UPDATEs filled to the negotiated maximum: small heads made per group around prefix octets shared by all.

use bytes::Bytes;

use super::member::{Hop, UpdateGroup};
use super::{AttrId, Batch, RouteAttrs, policy};
use crate::types::Family;
use crate::wire::{Attr, Decode, HEADER_LEN, Message, MpReach, Nlri, Update, attr_code, kind};

/// One whole message in up to three pieces, of which the middle one is shared with every other member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(pub [Bytes; 3]);

impl Frame {
    /// Octets of the message.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// A message has a header, so it never is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Vec<u8>> for Frame {
    fn from(message: Vec<u8>) -> Self {
        Self([Bytes::from(message), Bytes::new(), Bytes::new()])
    }
}

/// Header, withdrawn-routes length, attribute length.
const FIXED: usize = HEADER_LEN + 4;
/// Flags (optional, extended length), code, two length octets.
const MP_ATTR_HEAD: usize = 4;

/// Wire-form prefixes that share one attribute set.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) attrs: AttrId,
    pub(super) nlri: Bytes,
    pub(super) count: usize,
}

/// What stands around the prefixes of a multiprotocol attribute: its value up to them, the attributes after it.
struct Multiprotocol<'a> {
    code: u8,
    head: &'a [u8],
    tail: &'a Bytes,
}

/// Builds the UPDATEs of one group.
pub(super) struct Encoder<'a> {
    group: &'a UpdateGroup,
    attrs: &'a [RouteAttrs],
}

impl<'a> Encoder<'a> {
    pub(super) fn new(group: &'a UpdateGroup, attrs: &'a [RouteAttrs]) -> Self {
        Self { group, attrs }
    }

    fn max(&self) -> usize {
        self.group.context.max_message.into()
    }

    pub(super) fn end_of_rib(&self, family: Family, batch: &mut Batch) {
        let marker = Message::Update(Update::end_of_rib(family)).encode(self.group.context);
        batch.frames.extend(marker.map(Frame::from));
    }

    /// Says that the family's table is about to be repeated, or was, if the member understands it (RFC 7313 §4).
    pub(super) fn refresh_marker(&self, family: Family, subtype: u8, batch: &mut Batch) {
        if self.group.enhanced_refresh {
            let marker = Message::RouteRefresh { family, subtype }.encode(self.group.context);
            batch.frames.extend(marker.map(Frame::from));
            batch.markers += 1;
        }
    }

    fn encode_attrs(&self, attrs: &[Attr]) -> Vec<u8> {
        let mut out = Vec::new();
        for attr in attrs {
            // Cannot fail: our own attributes are far below 64 KiB.
            let _ = attr.encode(self.group.context, &mut out);
        }
        out
    }

    /// In the order of what the attributes say, so that the same routes give the same octets.
    pub(super) fn announce(&self, family: Family, blocks: &[Block], batch: &mut Batch) {
        let mut ordered: Vec<&Block> = blocks.iter().collect();
        ordered.sort_by_key(|block| self.attrs.get(block.attrs.0 as usize));
        ordered.into_iter().for_each(|block| self.announce_block(family, block, batch));
    }

    fn announce_block(&self, family: Family, block: &Block, batch: &mut Batch) {
        let routes = self.attrs.get(block.attrs.0 as usize).cloned().unwrap_or_default();
        let mut attrs = policy::path_attrs(self.group, &routes);
        match (family, self.group.hop(family)) {
            (Family::IPV4_UNICAST, Some(Hop::V4(next_hop))) => {
                let at = attrs.iter().take_while(|attr| attr.code() < attr_code::NEXT_HOP).count();
                attrs.insert(at, Attr::NextHop(next_hop)); // in order of type code (RFC 4271 §5)
                let attrs = self.encode_attrs(&attrs);
                self.split(block, FIXED + attrs.len(), batch, |nlri_len| {
                    let mut head = head(FIXED + attrs.len() + nlri_len);
                    put_len(0, &mut head);
                    put_len(attrs.len(), &mut head);
                    head.extend_from_slice(&attrs);
                    (head, Bytes::new())
                });
            }
            (_, Some(next_hop)) => {
                let mut mp = Vec::new();
                let _ = MpReach::encode_head(family, &next_hop.encoded(), &mut mp);
                let tail = Bytes::from(self.encode_attrs(&attrs));
                let around = Multiprotocol { code: attr_code::MP_REACH_NLRI, head: &mp, tail: &tail };
                self.multiprotocol(&around, block, batch);
            }
            (_, None) => return, // never without a next hop: the caller did not send this family
        }
        batch.announced += block.count;
    }

    pub(super) fn withdraw(&self, family: Family, block: &Block, batch: &mut Batch) {
        let before = batch.frames.len();
        if family == Family::IPV4_UNICAST {
            let tail = Bytes::from_static(&[0, 0]);
            self.split(block, FIXED, batch, |nlri_len| {
                let mut head = head(FIXED + nlri_len);
                put_len(nlri_len, &mut head);
                (head, tail.clone())
            });
        } else {
            let mut mp = family.afi.to_be_bytes().to_vec();
            mp.push(family.safi);
            let around = Multiprotocol { code: attr_code::MP_UNREACH_NLRI, head: &mp, tail: &Bytes::new() };
            self.multiprotocol(&around, block, batch);
        }
        batch.withdrawn += block.count;
        batch.withdrawing += batch.frames.len() - before;
    }

    /// An UPDATE whose prefixes stand in a multiprotocol attribute, which comes first (RFC 7606 §5.1).
    fn multiprotocol(&self, mp: &Multiprotocol<'_>, block: &Block, batch: &mut Batch) {
        let around = MP_ATTR_HEAD + mp.head.len() + mp.tail.len();
        self.split(block, FIXED + around, batch, |nlri_len| {
            let mut head = head(FIXED + around + nlri_len);
            put_len(0, &mut head);
            put_len(around + nlri_len, &mut head);
            head.extend_from_slice(&[0x90, mp.code]); // optional, extended length
            put_len(mp.head.len() + nlri_len, &mut head);
            head.extend_from_slice(mp.head);
            (head, mp.tail.clone())
        });
    }

    /// Cuts the block into messages as full as they can be; `wrap` makes head and tail for so many prefix octets.
    fn split(
        &self,
        block: &Block,
        overhead: usize,
        batch: &mut Batch,
        wrap: impl Fn(usize) -> (Vec<u8>, Bytes),
    ) {
        let room = self.max().saturating_sub(overhead);
        let mut last: Option<(usize, Bytes, Bytes)> = None;
        let mut rest = block.nlri.clone();
        while !rest.is_empty() {
            let len = fitting(&rest, room);
            if len == 0 {
                return; // cannot be: attributes are bounded so that even 4096 octets have room for a prefix
            }
            // Full messages of host routes are all of one length: their heads are one and the same.
            let (head, tail) = match &last {
                Some((same, head, tail)) if *same == len => (head.clone(), tail.clone()),
                _ => {
                    let (head, tail) = wrap(len);
                    let head = Bytes::from(head);
                    last = Some((len, head.clone(), tail.clone()));
                    (head, tail)
                }
            };
            batch.frames.push(Frame([head, rest.split_to(len), tail]));
        }
    }
}

/// Sorted (attributes, prefix) pairs into one block per attribute set.
pub(super) fn blocks<P: Nlri>(sorted: &[(AttrId, P)]) -> Vec<Block> {
    sorted
        .chunk_by(|one, next| one.0 == next.0)
        .filter_map(|run| {
            let mut nlri = Vec::new();
            run.iter().for_each(|(_, prefix)| prefix.encode(&mut nlri));
            nlri.shrink_to_fit();
            Some(Block { attrs: run.first()?.0, nlri: Bytes::from(nlri), count: run.len() })
        })
        .collect()
}

/// Blocks brought up to date: `changed` has prefixes with the attribute set they had in `old` and have now.
pub(super) fn patch<P: Decode>(
    old: Vec<Block>,
    changed: impl Iterator<Item = (P, Option<AttrId>, Option<AttrId>)>,
) -> Vec<Block> {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    for (prefix, before, now) in changed.filter(|(_, before, now)| before != now) {
        gone.extend(before.map(|attrs| (attrs, prefix)));
        new.extend(now.map(|attrs| (attrs, prefix)));
    }
    gone.sort_unstable();
    new.sort_unstable();
    let of = |all: &[(AttrId, P)], attrs| -> Vec<P> {
        all.iter().filter(|(of, _)| *of == attrs).map(|(_, prefix)| *prefix).collect()
    };
    let mut patched = Vec::new();
    for block in old {
        let (gone, added) = (of(&gone, block.attrs), of(&new, block.attrs));
        new.retain(|(attrs, _)| *attrs != block.attrs);
        let block = if gone.is_empty() && added.is_empty() { block } else { merge(&block, &gone, &added) };
        patched.extend((block.count > 0).then_some(block));
    }
    patched.extend(blocks(&new));
    patched
}

/// A block without the prefixes in `gone` and with those in `added`, both sorted. What lies between two changes is
/// copied as it stands.
fn merge<P: Decode>(block: &Block, gone: &[P], added: &[P]) -> Block {
    let (mut gone, mut added) = (gone.iter().peekable(), added.iter().peekable());
    let mut nlri = Vec::with_capacity(block.nlri.len());
    let (mut count, mut at, mut copied) = (block.count, 0, 0);
    while let Some((prefix, len)) = block.nlri.get(at..).and_then(P::first) {
        while let Some(new) = added.next_if(|new| **new < prefix) {
            nlri.extend_from_slice(&block.nlri[copied..at]);
            copied = at;
            new.encode(&mut nlri);
            count += 1;
        }
        if gone.next_if(|old| **old == prefix).is_some() {
            nlri.extend_from_slice(&block.nlri[copied..at]);
            copied = at + len;
            count -= 1;
        }
        at += len;
    }
    nlri.extend_from_slice(&block.nlri[copied..]);
    for new in added {
        new.encode(&mut nlri);
        count += 1;
    }
    Block { attrs: block.attrs, nlri: Bytes::from(nlri), count }
}

/// Octets of as many whole prefixes as fit into `room`.
fn fitting(nlri: &[u8], room: usize) -> usize {
    let mut end = 0;
    while let Some(bits) = nlri.get(end) {
        let next = end + 1 + usize::from(bits.div_ceil(8));
        if next > room {
            break;
        }
        end = next;
    }
    end
}

fn put_len(len: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes());
}

fn head(message_len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(&[0xff; 16]);
    put_len(message_len, &mut out);
    out.push(kind::UPDATE);
    out
}
