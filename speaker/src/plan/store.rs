//! The objects of the view under small ids, and which Pods each Subnet has.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use crate::view::{Key, Kind, Object, Subnet};

/// Names a stored object until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u32);

/// What a Subnet's name stands for. It is here while there is the Subnet or a Pod that names it.
#[derive(Debug, Default)]
struct Network {
    subnet: Option<Id>,
    pods: BTreeSet<Id>,
}

/// Everything known about the cluster.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// Found by the keys of the objects, which stand in the slots alone: a second copy of a hundred thousand keys
    /// would be the largest table of all.
    ids: HashTable<Id>,
    hasher: RandomState,
    slots: Vec<Option<Object>>,
    /// Beside each slot, the list of its kind that last mentioned the object.
    mentioned: Vec<u32>,
    /// How many lists of each kind have begun.
    lists: [u32; Kind::ALL.len()],
    free: Vec<Id>,
    networks: HashMap<Arc<str>, Network>,
    names: Names,
}

impl Store {
    /// Stores the object; gives its id and what was there before.
    pub(super) fn put(&mut self, mut object: Object) -> (Id, Option<Object>) {
        self.names.share_in(&mut object);
        let key = object.key();
        let list = self.lists[key.kind as usize];
        let known = self.id(&key);
        let id = known.or_else(|| self.free.pop()).unwrap_or_else(|| self.grow());
        self.mentioned[id.0 as usize] = list;
        let old = self.slot(id).take();
        if let Some(old) = &old {
            self.unlink(id, old);
        }
        self.link(id, &object);
        *self.slot(id) = Some(object);
        if known.is_none() {
            let Self { ids, hasher, slots, .. } = self;
            ids.insert_unique(hasher.hash_one(&key), id, |id| hash(hasher, slots, *id));
        }
        (id, old)
    }

    /// Forgets the object; its id may be given to another afterwards.
    pub(super) fn remove(&mut self, key: &Key) -> Option<(Id, Object)> {
        let Self { ids, hasher, slots, .. } = self;
        let found = ids.find_entry(hasher.hash_one(key), |id| is(slots, *id, key)).ok()?;
        let (id, _) = found.remove();
        let old = self.slot(id).take()?;
        self.unlink(id, &old);
        self.free.push(id);
        Some((id, old))
    }

    /// The list that is being read mentions the object.
    pub(super) fn keep(&mut self, key: &Key) {
        if let Some(id) = self.id(key) {
            self.mentioned[id.0 as usize] = self.lists[key.kind as usize];
        }
    }

    pub(super) fn begin_list(&mut self, kind: Kind) {
        let list = &mut self.lists[kind as usize];
        *list = list.wrapping_add(1);
    }

    /// Objects of the kind that no put and no list has mentioned since its last list began.
    pub(super) fn not_listed(&self, kind: Kind) -> Vec<Key> {
        let list = self.lists[kind as usize];
        let slots = self.slots.iter().zip(&self.mentioned);
        let missed = slots.filter(|(_, mentioned)| **mentioned != list).filter_map(|(slot, _)| slot.as_ref());
        missed.filter(|object| object.kind() == kind).map(Object::key).collect()
    }

    fn id(&self, key: &Key) -> Option<Id> {
        self.ids.find(self.hasher.hash_one(key), |id| is(&self.slots, *id, key)).copied()
    }

    pub(super) fn get(&self, id: Id) -> Option<&Object> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    pub(super) fn find(&self, key: &Key) -> Option<&Object> {
        self.get(self.id(key)?)
    }

    pub(super) fn subnet(&self, name: &str) -> Option<&Subnet> {
        match self.get(self.networks.get(name)?.subnet?)? {
            Object::Subnet(subnet) => Some(subnet),
            Object::Pod(_) | Object::Service(_) | Object::Eip(_) => None,
        }
    }

    /// Pods that have an address in the Subnet, whether or not it exists.
    pub(super) fn pods_in(&self, subnet: &str) -> impl Iterator<Item = (Id, &Object)> {
        let pods = self.networks.get(subnet).into_iter().flat_map(|network| &network.pods);
        pods.filter_map(|id| Some((*id, self.get(*id)?)))
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.slots.iter().flatten()
    }

    /// The longest-lived table of all: ids are 32 bits, for a cluster has far fewer objects.
    fn grow(&mut self) -> Id {
        let id = u32::try_from(self.slots.len()).expect("fewer than 2^32 objects");
        self.slots.push(None);
        self.mentioned.push(0);
        Id(id)
    }

    fn slot(&mut self, id: Id) -> &mut Option<Object> {
        &mut self.slots[id.0 as usize]
    }

    fn link(&mut self, id: Id, object: &Object) {
        match object {
            Object::Subnet(subnet) => {
                self.networks.entry(Arc::clone(&subnet.name)).or_default().subnet = Some(id);
            }
            Object::Pod(pod) => {
                for address in &pod.addresses {
                    self.networks.entry(Arc::clone(&address.subnet)).or_default().pods.insert(id);
                }
            }
            Object::Service(_) | Object::Eip(_) => {}
        }
    }

    fn unlink(&mut self, id: Id, object: &Object) {
        match object {
            Object::Subnet(subnet) => self.leave(&subnet.name, |network| network.subnet = None),
            Object::Pod(pod) => {
                for address in &pod.addresses {
                    self.leave(&address.subnet, |network| {
                        network.pods.remove(&id);
                    });
                }
            }
            Object::Service(_) | Object::Eip(_) => {}
        }
    }

    fn leave(&mut self, name: &str, how: impl FnOnce(&mut Network)) {
        let Some(network) = self.networks.get_mut(name) else { return };
        how(network);
        if network.subnet.is_none() && network.pods.is_empty() {
            self.networks.remove(name);
        }
    }
}

fn hash(hasher: &RandomState, slots: &[Option<Object>], id: Id) -> u64 {
    // An id in the table has its object; what has none is found by no key anyway.
    slots.get(id.0 as usize).and_then(Option::as_ref).map_or(0, |object| hasher.hash_one(object.key()))
}

fn is(slots: &[Option<Object>], id: Id, key: &Key) -> bool {
    slots.get(id.0 as usize).and_then(Option::as_ref).is_some_and(|object| object.has_key(key))
}

/// One allocation for each namespace, node, network and Subnet name, however many objects mention it.
#[derive(Debug, Default)]
struct Names {
    known: HashSet<Arc<str>>,
    sweep_at: usize,
}

impl Names {
    fn share_in(&mut self, object: &mut Object) {
        match object {
            Object::Subnet(_) => {}
            Object::Service(service) => self.share(&mut service.namespace),
            Object::Eip(eip) => {
                if let Some(gateway) = &mut eip.gateway {
                    self.share(gateway);
                }
            }
            Object::Pod(pod) => {
                self.share(&mut pod.namespace);
                if let Some(node) = &mut pod.node {
                    self.share(node);
                }
                for address in &mut pod.addresses {
                    self.share(&mut address.provider);
                    self.share(&mut address.subnet);
                }
            }
        }
        if self.known.len() > self.sweep_at {
            self.known.retain(|name| Arc::strong_count(name) > 1);
            self.sweep_at = self.known.len().max(512) * 2;
        }
    }

    fn share(&mut self, name: &mut Arc<str>) {
        match self.known.get(name) {
            Some(known) => *name = Arc::clone(known),
            None => {
                self.known.insert(Arc::clone(name));
            }
        }
    }
}
