//! One object as the API sends it. Reading it never fails, so that one object that makes no sense cannot stop the
//! list or the watch that all the others depend on.

use std::borrow::Cow;
use std::fmt::Debug;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DynamicResourceScope;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::object::read::{self, Door, Unreadable};
use crate::object::{Eip, Pod, Service, Subnet};
use crate::view::Object;

/// What the API server calls the objects of a type.
pub(super) trait Listable: Door + Clone + Debug + Send + Sync + 'static {
    /// Empty for the core group.
    const GROUP: &'static str;
    /// As in the path.
    const PLURAL: &'static str;
    /// As in the object.
    const API_KIND: &'static str;
}

impl Listable for Subnet {
    const GROUP: &'static str = kubeovn::GROUP;
    const PLURAL: &'static str = "subnets";
    const API_KIND: &'static str = "Subnet";
}

impl Listable for Pod {
    const GROUP: &'static str = "";
    const PLURAL: &'static str = "pods";
    const API_KIND: &'static str = "Pod";
}

impl Listable for Service {
    const GROUP: &'static str = "";
    const PLURAL: &'static str = "services";
    const API_KIND: &'static str = "Service";
}

impl Listable for Eip {
    const GROUP: &'static str = kubeovn::GROUP;
    const PLURAL: &'static str = "iptables-eips";
    const API_KIND: &'static str = "IptablesEIP";
}

/// An object of the view, or what is wrong with it, and its version.
#[derive(Clone, Debug)]
pub(super) struct Listed<T> {
    /// Only the version is filled in: the client asks for no more.
    meta: ObjectMeta,
    pub(super) object: Result<Object, Unreadable>,
    of: PhantomData<T>,
}

impl<T> Listed<T> {
    /// To resume a watch from.
    pub(super) fn version(&self) -> Option<&str> {
        self.meta.resource_version.as_deref().filter(|version| !version.is_empty())
    }
}

impl<'de, T: Listable> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let (version, object) = match serde_json::from_str::<T>(text) {
            Ok(typed) => {
                let version = typed.metadata().resource_version.as_deref().map(str::to_owned);
                (version, typed.into_object().map_err(Unreadable::from))
            }
            Err(_) => {
                let value: Value = serde_json::from_str(text).map_err(D::Error::custom)?;
                let version = value["metadata"]["resourceVersion"].as_str().map(str::to_owned);
                (version, read::object::<T>(&value))
            }
        };
        let meta = ObjectMeta { resource_version: version, ..ObjectMeta::default() };
        Ok(Self { meta, object, of: PhantomData })
    }
}

impl<T: Listable> Resource for Listed<T> {
    type DynamicType = ();
    type Scope = DynamicResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        T::API_KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        T::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        T::PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
