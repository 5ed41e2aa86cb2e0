//! What the schema of `VpcEgressGateway` says beyond types: rules over several fields, and what is required.

use std::borrow::Cow;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The first part of a DNS name; nothing, too.
pub(super) const PREFIX: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*[-.]?)?$";

/// A bandwidth as it is written. A number may need more than the 32 bits that other fields of this form have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Limit {
    /// Mbit/s.
    Number(i64),
    /// Mbit/s, or a quantity in bit/s.
    Text(String),
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": r"^([0-9]+|([0-9]+(\.[0-9]+)?|\.[0-9]+)(M|Mi|G|Gi))$",
            "x-kubernetes-validations": [{
                "rule": "type(self) == int ? self >= 0 && self <= 9223372036854 : true",
                "message": "must be 0 to 9223372036854 Mbit/s",
            }],
        })
    }
}

pub(super) fn spec_rules() -> Value {
    let mut rules = vec![
        json!({
            "rule": "(has(self.policies) && size(self.policies) > 0) || \
                     (has(self.selectors) && size(self.selectors) > 0)",
            "message": "at least one policy or selector is required",
        }),
        json!({
            "rule": "(has(self.prefix) ? self.prefix : '') == (has(oldSelf.prefix) ? oldSelf.prefix : '')",
            "message": "cannot be changed",
            "fieldPath": ".prefix",
        }),
    ];
    for side in ["internal", "external"] {
        let list = format!("{side}IPs");
        let pool = format!("{side}IPPool");
        rules.push(json!({
            "rule": format!("!has(self.{list}) || size(self.{list}) == 0 || size(self.{list}) >= self.replicas"),
            "message": "must be at least as many as replicas",
            "fieldPath": format!(".{list}"),
        }));
        rules.push(json!({
            "rule": format!("!has(self.{list}) || size(self.{list}) == 0 || !has(self.{pool}) || self.{pool} == ''"),
            "message": format!("must be empty beside {list}"),
            "fieldPath": format!(".{pool}"),
        }));
    }
    Value::Array(rules)
}

/// What is there but empty is left to the controller: looking into it costs too much for lists without a bound.
pub(super) fn policy_rules() -> Value {
    json!([{
        "rule": "has(self.ipBlocks) || has(self.subnets)",
        "message": "ipBlocks or subnets is required",
    }])
}

pub(super) fn selector_rules() -> Value {
    json!([{
        "rule": "has(self.matchLabels) || has(self.matchExpressions)",
        "message": "matchLabels or matchExpressions is required; leave the selector out for all",
    }])
}

/// Says what types cannot: a field that is not there is absent rather than null, so that it gets its default.
pub(crate) fn tighten(definition: &mut CustomResourceDefinition) {
    for version in &mut definition.spec.versions {
        let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut())
        else {
            continue;
        };
        never_null(schema);
        let Some(spec) = schema.properties.as_mut().and_then(|all| all.get_mut("spec")) else { continue };
        // Reading does without it, so that one stored object of another definition does not end a watch.
        spec.required = Some(vec!["externalSubnet".to_owned()]);
        if let Some(field) = spec.properties.as_mut().and_then(|all| all.get_mut("externalSubnet")) {
            field.default = None;
        }
    }
}

fn never_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flat_map(|all| all.values_mut()).for_each(never_null);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(one)) => never_null(one),
        Some(JSONSchemaPropsOrArray::Schemas(all)) => all.iter_mut().for_each(never_null),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(one)) = &mut schema.additional_properties {
        never_null(one);
    }
}
